// The makers of all ops, one per file beside this one.
#pragma once

#include "runtime/program.hpp"

namespace descend {

template <class T>
std::unique_ptr<Op<T>> make_dense(const OpSpec&, const PlanSpec&, const std::vector<Placement>&);
// For rows that come as sparse rows of the data.
template <class T>
std::unique_ptr<Op<T>> make_sparse_dense(const OpSpec&, const PlanSpec&, const std::vector<Placement>&);
template <class T>
std::unique_ptr<Op<T>> make_batch_norm(const OpSpec&, const PlanSpec&, const std::vector<Placement>&);
// With what follows it in the plan, see graph.hpp.
template <class T>
std::unique_ptr<Op<T>> make_norm_relu(const OpSpec&, const PlanSpec&, const std::vector<Placement>&);
template <class T>
std::unique_ptr<Op<T>> make_norm_pool(const OpSpec&, const PlanSpec&, const std::vector<Placement>&);
// With the running statistics in training too.
template <class T>
std::unique_ptr<Op<T>> make_frozen_batch_norm(const OpSpec&, const PlanSpec&, const std::vector<Placement>&);
template <class T>
std::unique_ptr<Op<T>> make_layer_norm(const OpSpec&, const PlanSpec&, const std::vector<Placement>&);
template <class T>
std::unique_ptr<Op<T>> make_activation(const OpSpec&, const PlanSpec&, const std::vector<Placement>&);
template <class T>
std::unique_ptr<Op<T>> make_prelu(const OpSpec&, const PlanSpec&, const std::vector<Placement>&);
template <class T>
std::unique_ptr<Op<T>> make_softmax(const OpSpec&, const PlanSpec&, const std::vector<Placement>&);
template <class T>
std::unique_ptr<Op<T>> make_dropout(const OpSpec&, const PlanSpec&);
template <class T>
std::unique_ptr<Op<T>> make_gaussian_noise(const OpSpec&, const PlanSpec&);
// Of chosen columns, see column_map.hpp.
template <class T>
std::unique_ptr<Op<T>> make_rescale(const OpSpec&, const PlanSpec&, const std::vector<Placement>&);
template <class T>
std::unique_ptr<Op<T>> make_interpolate(const OpSpec&, const PlanSpec&, const std::vector<Placement>&);
template <class T>
std::unique_ptr<Op<T>> make_impute(const OpSpec&, const PlanSpec&, const std::vector<Placement>&);
template <class T>
std::unique_ptr<Op<T>> make_one_hot(const OpSpec&, const PlanSpec&, const std::vector<Placement>&);
template <class T>
std::unique_ptr<Op<T>> make_periodic(const OpSpec&, const PlanSpec&, const std::vector<Placement>&);
template <class T>
std::unique_ptr<Op<T>> make_piecewise_linear(const OpSpec&, const PlanSpec&, const std::vector<Placement>&);
template <class T>
std::unique_ptr<Op<T>> make_add(const OpSpec&, const PlanSpec&);
template <class T>
std::unique_ptr<Op<T>> make_concatenate(const OpSpec&, const PlanSpec&);
template <class T>
std::unique_ptr<Op<T>> make_embedding(const OpSpec&, const PlanSpec&, const std::vector<Placement>&);
template <class T>
std::unique_ptr<Op<T>> make_fork(const OpSpec&, const PlanSpec&);
template <class T>
std::unique_ptr<Op<T>> make_recurrent(const OpSpec&, const PlanSpec&, const std::vector<Placement>&);
template <class T>
std::unique_ptr<Op<T>> make_convolution(const OpSpec&, const PlanSpec&, const std::vector<Placement>&);
template <class T>
std::unique_ptr<Op<T>> make_depthwise(const OpSpec&, const PlanSpec&, const std::vector<Placement>&);
template <class T>
std::unique_ptr<Op<T>> make_pool(const OpSpec&, const PlanSpec&);
template <class T>
std::unique_ptr<Op<T>> make_reshape(const OpSpec&, const PlanSpec&);
template <class T>
std::unique_ptr<Op<T>> make_mix(const OpSpec&, const PlanSpec&);
template <class T>
std::unique_ptr<Op<T>> make_swap_noise(const OpSpec&, const PlanSpec&);
template <class T>
std::unique_ptr<Op<T>> make_warp(const OpSpec&, const PlanSpec&);
template <class T>
std::unique_ptr<Op<T>> make_adjust(const OpSpec&, const PlanSpec&);
template <class T>
std::unique_ptr<Op<T>> make_erase(const OpSpec&, const PlanSpec&);
// `ops`: of the program, among which the loss looks for one that mixes rows.
template <class T>
std::unique_ptr<Op<T>> make_loss(const LossSpec&, const PlanSpec&, const std::vector<std::unique_ptr<Op<T>>>& ops);

}  // namespace descend

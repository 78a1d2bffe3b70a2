// y_j = e^(x_j - max) / sum; dx = y (dy - sum_j y_j dy_j); over a whole row, or over each of several segments of it.
#include "ops/ops.hpp"
#include "ops/row_tools.hpp"

namespace descend {

namespace {

template <class T>
class Softmax final : public Op<T> {
 public:
  Softmax(const OpSpec& s, const PlanSpec& plan) : Op<T>(s, plan) {}

  bool by_row() const override { return true; }
  bool keeps_output() const override { return true; }

  void forward(const Pass<T>& pass, Rows rows, Panels) const override {
    const long stride = this->stride(pass), n = this->in_width;
    for (long r = rows.first; r < rows.last; r++) {
      const T* x = this->in(pass, rows.first) + r * kPanel<T>;
      T* y = this->out(pass, rows.first) + r * kPanel<T>;
      const T sum = row_exponentials(x, row_max(x, n, stride), y, n, stride);
      each_in_row<T>(n, stride, [&](long o, long) { store(y + o, load(y + o) / sum); });
    }
  }

  void backward(const Pass<T>& pass, Rows rows, Panels) const override {
    const long stride = this->stride(pass), n = this->in_width;
    for (long r = rows.first; r < rows.last; r++) {
      const T *y = this->out(pass, rows.first) + r * kPanel<T>,
              *dy = this->out_gradient(pass, rows.first) + r * kPanel<T>;
      T* dx = this->in_gradient(pass, rows.first) + r * kPanel<T>;
      LaneSums<T> sums;
      each_in_row<T>(n, stride, [&](long o, long c) { sums.add(c, load(y + o) * load(dy + o)); });
      const T dot = sums.total();
      each_in_row<T>(n, stride, [&](long o, long) { store(dx + o, load(y + o) * (load(dy + o) - dot)); });
    }
  }
};

// The same for each of several segments of a row.
template <class T>
class GroupedSoftmax final : public Op<T> {
 public:
  GroupedSoftmax(const OpSpec& s, const PlanSpec& plan) : Op<T>(s, plan), groups_(s.groups) {}

  bool by_row() const override { return true; }
  bool keeps_output() const override { return true; }

  void forward(const Pass<T>& pass, Rows rows, Panels) const override {
    const long stride = this->stride(pass), n = this->in_width;
    for (long r = rows.first; r < rows.last; r++) {
      const T* x = this->in(pass, rows.first) + r * kPanel<T>;
      T* y = this->out(pass, rows.first) + r * kPanel<T>;
      long first = 0;
      for (const long size : groups_) {
        const long last = first + size;
        const T most = segment_max(x, first, last, n, stride);
        const T sum = segment_exponentials(x, most, y, first, last, n, stride);
        each_in_segment<T>(first, last, n, stride, [&](long o, long, VecI<T> inside, VecI<T>) {
          const Vec<T> e = load(y + o);
          store(y + o, inside ? e / sum : e);
        });
        first = last;
      }
    }
  }

  void backward(const Pass<T>& pass, Rows rows, Panels) const override {
    const long stride = this->stride(pass), n = this->in_width;
    for (long r = rows.first; r < rows.last; r++) {
      const T *y = this->out(pass, rows.first) + r * kPanel<T>,
              *dy = this->out_gradient(pass, rows.first) + r * kPanel<T>;
      T* dx = this->in_gradient(pass, rows.first) + r * kPanel<T>;
      long first = 0;
      for (const long size : groups_) {
        const long last = first + size;
        LaneSums<T> sums;
        each_in_segment<T>(first, last, n, stride, [&](long o, long c, VecI<T> inside, VecI<T>) {
          sums.add(c, inside ? load(y + o) * load(dy + o) : Vec<T>{});
        });
        const T dot = sums.total();
        each_in_segment<T>(first, last, n, stride, [&](long o, long, VecI<T> inside, VecI<T> others) {
          const Vec<T> d = load(y + o) * (load(dy + o) - dot);
          store(dx + o, inside ? d : others ? load(dx + o) : Vec<T>{});
        });
        first = last;
      }
    }
  }

 private:
  std::vector<long> groups_;
};

}  // namespace

template <class T>
std::unique_ptr<Op<T>> make_softmax(const OpSpec& s, const PlanSpec& plan, const std::vector<Placement>&) {
  if (!s.groups.empty()) return std::make_unique<GroupedSoftmax<T>>(s, plan);
  return std::make_unique<Softmax<T>>(s, plan);
}
template std::unique_ptr<Op<float>> make_softmax<float>(const OpSpec&, const PlanSpec&, const std::vector<Placement>&);
template std::unique_ptr<Op<double>> make_softmax<double>(const OpSpec&, const PlanSpec&,
                                                          const std::vector<Placement>&);

}  // namespace descend

// Training: each pixel of the result reads the image where random moves have put it, see engine/reference/warp.py.
// Inference: the image, or its middle when the result is of another size.
//
// Places are computed in double for a strip of pixels of one line at a time and become offsets and weights of the
// pixels that are read; then all channels are read with them. Loops over a strip have no branches, so that they
// vectorize; their arithmetic is that of single numbers, in a fixed order. Backward computes the same places again and
// returns to each pixel what was read of it, in the order of the result's pixels.
#include <cmath>

#include "kernels/math.hpp"
#include "ops/draws.hpp"
#include "ops/ops.hpp"
#include "ops/row_tools.hpp"

namespace descend {

namespace {

constexpr int kStrip = 64;
constexpr int kMostKnots = 1024;

// From a place in the result, about its centre, to one in the image: (yy y + yx x + dy, xy y + xx x + dx).
struct Trace {
  double yy = 1, yx = 0, xy = 0, xx = 1, dy = 0, dx = 0;

  // This one after a step further back.
  Trace after(const Trace& s) const {
    return {yy * s.yy + yx * s.xy, yy * s.yx + yx * s.xx,        xy * s.yy + xx * s.xy,
            xy * s.yx + xx * s.xx, dy + (yy * s.dy + yx * s.dx), dx + (xy * s.dy + xx * s.dx)};
  }
};

// How one axis of an image goes on outside it.
struct Axis {
  double size, inverse, half_inverse;
  explicit Axis(double n) : size(n), inverse(1 / n), half_inverse(0.5 / n) {}
};

// The pixel inside for one that may lie outside; `inside` is 0 where it does not count, else 1.
template <FillMode mode>
[[gnu::always_inline]] inline double fold_pixel(double at, const Axis& a, double& inside) {
  inside = 1;
  if constexpr (mode == FillMode::reflect) {
    const double period = at - 2 * a.size * std::floor((at + 0.5) * a.half_inverse);
    at = period < a.size ? period : 2 * a.size - 1 - period;
  } else if constexpr (mode == FillMode::wrap) {
    at = at - a.size * std::floor((at + 0.5) * a.inverse);
  } else if constexpr (mode == FillMode::constant) {
    inside = (at >= 0 ? 1.0 : 0.0) * (at < a.size ? 1.0 : 0.0);
  }
  at = at < 0 ? 0 : at;
  return at > a.size - 1 ? a.size - 1 : at;
}

// Pixels of a strip, the places that they read, and what is read there.
template <class T>
struct Strip {
  alignas(64) double y[kStrip], x[kStrip];
  alignas(64) int32_t offset[4][kStrip];  // of the pixel in a panel
  alignas(64) T weight[4][kStrip];
  alignas(64) T outside[kStrip];  // weight of the constant
  int count = 0;
};

template <class T>
class Warp final : public Op<T> {
 public:
  Warp(const OpSpec& s, const PlanSpec& plan)
      : Op<T>(s, plan), draws_(2 * static_cast<long>(s.warp.moves.size()) + s.warp.knots) {}

  bool by_panel() const override { return false; }
  bool by_row() const override { return true; }
  bool in_place() const override { return false; }
  long work_size(bool) const override {
    const long doubles = this->spec.warp.knots ? this->spec.warp.grid_width : 0;
    return doubles * static_cast<long>(sizeof(double) / sizeof(T));
  }

  void forward(const Pass<T>& pass, Rows lines, Panels) const override {
    each_row(lines, [&](long r) {
      const T* const x = this->in(pass, r * this->in_positions) + r * this->in_positions * P;
      T* const y = this->out(pass, r * this->out_positions) + r * this->out_positions * P;
      if (!moves(pass)) return copy(pass, x, 0, y);
      each_strip(pass, r, [&](const Strip<T>& strip, long line) {
        if (this->spec.warp.nearest)
          read<1>(pass, strip, x, y + line * P);
        else
          read<4>(pass, strip, x, y + line * P);
      });
      copy(pass, x, steps(pass, r), y);
    });
  }

  void backward(const Pass<T>& pass, Rows lines, Panels) const override {
    each_row(lines, [&](long r) {
      T* const dx = this->in_gradient(pass, r * this->in_positions) + r * this->in_positions * P;
      const T* const dy = this->out_gradient(pass, r * this->out_positions) + r * this->out_positions * P;
      if (!moves(pass)) return copy(pass, dy, 0, dx);
      for (long p = 0; p < panels<T>(this->in_width); p++)
        std::fill(dx + p * this->stride(pass), dx + p * this->stride(pass) + this->in_positions * P, T(0));
      each_strip(pass, r, [&](const Strip<T>& strip, long line) {
        if (this->spec.warp.nearest)
          write_back<1>(pass, strip, dy + line * P, dx);
        else
          write_back<4>(pass, strip, dy + line * P, dx);
      });
      copy(pass, dy, steps(pass, r), dx);
    });
  }

 private:
  static constexpr long P = kPanel<T>;

  bool moves(const Pass<T>& pass) const { return pass.training || this->spec.warp.resizes(); }

  // Lines of a row's result that are moved: all, or the steps that a sequence has.
  long steps(const Pass<T>& pass, long r) const {
    const bool whole = !pass.data->lengths || this->spec.warp.resizes();
    return whole ? this->out_positions : pass.data->lengths[pass.source(r)];
  }

  template <class Body>
  void each_row(Rows lines, Body&& body) const {
    for (long r = lines.first / this->in_positions; r < lines.last / this->in_positions; r++) body(r);
  }

  // Lines from `first` on as they are, where the result is as large as the image.
  void copy(const Pass<T>& pass, const T* from, long first, T* to) const {
    for (long p = 0; p < panels<T>(this->in_width) && !this->spec.warp.resizes(); p++)
      for (long o = p * this->stride(pass) + first * P; o < p * this->stride(pass) + this->in_positions * P;
           o += kLanes<T>)
        store(to + o, load(from + o));
  }

  // Calls body(strip, first line of the result) for all strips of a row.
  template <class Body>
  [[gnu::always_inline]] inline void each_strip(const Pass<T>& pass, long r, Body&& body) const {
    const WarpSpec& w = this->spec.warp;
    const bool resizes = w.resizes();
    const long moved = w.grid_height > 1 || resizes ? w.grid_width : steps(pass, r);
    const double width = static_cast<double>(resizes ? w.image_width : moved);
    const Axis down(static_cast<double>(w.image_height)), right(width);
    const Trace trace = pass.training ? composed(pass, r, width) : middle();
    const double* const paced = w.knots ? pace(pass, r, moved) : nullptr;
    const double middle_y = static_cast<double>(w.grid_height - 1) / 2, middle_x = static_cast<double>(moved - 1) / 2;
    const double centre_y = (down.size - 1) / 2, centre_x = (width - 1) / 2;
    Strip<T> strip;
    for (long y = 0; y < w.grid_height; y++)
      for (long x = 0; x < moved; x += kStrip) {
        strip.count = static_cast<int>(std::min<long>(kStrip, moved - x));
        const double from_y = static_cast<double>(y) - middle_y, from_x = static_cast<double>(x) - middle_x;
        const double start_y = trace.yy * from_y, start_x = trace.xy * from_y;
        for (int i = 0; i < strip.count; i++) {
          const double px = from_x + i;
          strip.y[i] = start_y + (trace.yx * px + trace.dy) + centre_y;
          strip.x[i] = start_x + (trace.xx * px + trace.dx) + centre_x;
        }
        if (paced) std::copy(paced + x, paced + x + strip.count, strip.x);
        find_taps(strip, down, right);
        body(strip, y * w.grid_width + x);
      }
  }

  void find_taps(Strip<T>& strip, const Axis& down, const Axis& right) const {
    switch (this->spec.warp.fill) {
      case FillMode::constant: return find_taps<FillMode::constant>(strip, down, right);
      case FillMode::nearest: return find_taps<FillMode::nearest>(strip, down, right);
      case FillMode::reflect: return find_taps<FillMode::reflect>(strip, down, right);
      case FillMode::wrap: return find_taps<FillMode::wrap>(strip, down, right);
    }
  }

  template <FillMode mode>
  void find_taps(Strip<T>& s, const Axis& down, const Axis& right) const {
    const double pitch = static_cast<double>(this->spec.warp.image_width);
    if (this->spec.warp.nearest) {
      for (int i = 0; i < s.count; i++) {
        double in_y, in_x;
        const double row = fold_pixel<mode>(std::floor(s.y[i] + 0.5), down, in_y);
        const double column = fold_pixel<mode>(std::floor(s.x[i] + 0.5), right, in_x);
        s.offset[0][i] = static_cast<int32_t>(row * pitch + column) * static_cast<int32_t>(P);
        s.weight[0][i] = static_cast<T>(in_y * in_x);
        s.outside[i] = static_cast<T>(1 - in_y * in_x);
      }
      return;
    }
    for (int i = 0; i < s.count; i++) {
      const double top = std::floor(s.y[i]), left = std::floor(s.x[i]);
      const double low = s.y[i] - top, far = s.x[i] - left, high = 1 - low, near = 1 - far;
      double in_top, in_bottom, in_left, in_right;
      const double row = fold_pixel<mode>(top, down, in_top) * pitch;
      const double next_row = fold_pixel<mode>(top + 1, down, in_bottom) * pitch;
      const double column = fold_pixel<mode>(left, right, in_left);
      const double next_column = fold_pixel<mode>(left + 1, right, in_right);
      constexpr auto width = static_cast<int32_t>(P);
      s.offset[0][i] = static_cast<int32_t>(row + column) * width;
      s.offset[1][i] = static_cast<int32_t>(row + next_column) * width;
      s.offset[2][i] = static_cast<int32_t>(next_row + column) * width;
      s.offset[3][i] = static_cast<int32_t>(next_row + next_column) * width;
      const double inside[4] = {in_top * in_left, in_top * in_right, in_bottom * in_left, in_bottom * in_right};
      const double weight[4] = {high * near, high * far, low * near, low * far};
      for (int k = 0; k < 4; k++) s.weight[k][i] = static_cast<T>(weight[k] * inside[k]);
      if constexpr (mode == FillMode::constant)
        s.outside[i] = static_cast<T>((weight[0] * (1 - inside[0]) + weight[1] * (1 - inside[1])) +
                                      (weight[2] * (1 - inside[2]) + weight[3] * (1 - inside[3])));
    }
  }

  template <int taps>
  void read(const Pass<T>& pass, const Strip<T>& s, const T* image, T* to) const {
    const long out_stride = pass.arena->stride(this->out_positions);
    const bool fills = this->spec.warp.fill == FillMode::constant && this->spec.fill_value != 0;
    for (long p = 0; p < panels<T>(this->in_width); p++)
      for (long v = 0; v < P; v += kLanes<T>) {
        const T* const from = image + p * this->stride(pass) + v;
        T* const at = to + p * out_stride + v;
        const Vec<T> constant =
            real_columns<T>(p * P + v, this->in_width) ? splat(static_cast<T>(this->spec.fill_value)) : Vec<T>{};
        for (int i = 0; i < s.count; i++) {
          Vec<T> sum = fills ? splat(s.outside[i]) * constant : Vec<T>{};
          for (int k = 0; k < taps; k++) sum = fma<T>(splat(s.weight[k][i]), load(from + s.offset[k][i]), sum);
          store(at + i * P, sum);
        }
      }
  }

  template <int taps>
  void write_back(const Pass<T>& pass, const Strip<T>& s, const T* from, T* image) const {
    const long out_stride = pass.arena->stride(this->out_positions);
    for (long p = 0; p < panels<T>(this->in_width); p++)
      for (long v = 0; v < P; v += kLanes<T>) {
        T* const to = image + p * this->stride(pass) + v;
        for (int i = 0; i < s.count; i++) {
          const Vec<T> g = load(from + p * out_stride + v + i * P);
          for (int k = 0; k < taps; k++) {
            T* const at = to + s.offset[k][i];
            store(at, fma<T>(splat(s.weight[k][i]), g, load(at)));
          }
        }
      }
  }

  Trace middle() const {
    const WarpSpec& w = this->spec.warp;
    const auto offset = [](long whole, long n) {
      const long room = whole - n;
      return static_cast<double>(room >= 0 ? room / 2 : -((1 - room) / 2)) - static_cast<double>(room) / 2;
    };
    Trace t;
    t.dy = offset(w.image_height, w.grid_height);
    t.dx = offset(w.image_width, w.grid_width);
    return t;
  }

  double draw(const Pass<T>& pass, long r, long k) const {
    return uniform(random_key(pass, this->spec.stream), static_cast<uint64_t>(r * draws_ + k));
  }

  Trace composed(const Pass<T>& pass, long r, double width) const {
    Trace t;
    const auto& moves = this->spec.warp.moves;
    for (std::size_t k = 0; k < moves.size(); k++) {
      const double u_y = draw(pass, r, 2 * static_cast<long>(k)), u_x = draw(pass, r, 2 * static_cast<long>(k) + 1);
      t = t.after(traced(moves[k], u_y, u_x, width));
    }
    return t;
  }

  // One move, from the place after it to the place before it.
  Trace traced(const MoveSpec& move, double u_y, double u_x, double width) const {
    const WarpSpec& w = this->spec.warp;
    const double v_y = between(move.y, u_y), v_x = move.tied ? v_y : between(move.x, u_x);
    const auto corner = [](RangeSpec range, double u, long whole, long n) {
      return range.low + std::floor((range.high - range.low + 1) * u) - static_cast<double>(whole - n) / 2;
    };
    Trace t;
    switch (move.motion) {
      case Motion::flip:
        t.yy = u_y < move.y.low ? -1 : 1;
        t.xx = u_x < move.x.low ? -1 : 1;
        break;
      case Motion::shift:
        t.dy = -v_y * static_cast<double>(w.image_height);
        t.dx = -v_x * width;
        break;
      case Motion::turn: {
        Vec<double> sine, cosine;
        sine_cosine_of_turns<double>(splat(v_y), sine, cosine);
        t = {cosine[0], sine[0], -sine[0], cosine[0]};
        break;
      }
      case Motion::zoom:
        t.yy = 1 + v_y;
        t.xx = 1 + v_x;
        break;
      case Motion::shear:
        t.yx = v_y;
        t.xy = v_x;
        break;
      case Motion::crop:
        t.dy = corner(move.y, u_y, w.image_height, w.grid_height);
        t.dx = corner(move.x, u_x, w.image_width, w.grid_width);
        break;
    }
    return t;
  }

  // Places along a sequence of so many steps that runs at random pace.
  const double* pace(const Pass<T>& pass, long r, long steps) const {
    const WarpSpec& w = this->spec.warp;
    auto* const place = reinterpret_cast<double*>(this->work(pass));
    double knot[kMostKnots];
    for (long k = 0; k < w.knots; k++) knot[k] = 1 - w.speed + 2 * w.speed * draw(pass, r, k);
    const double last = steps > 1 ? static_cast<double>(steps - 1) : 1;
    place[0] = 0;
    double travelled = 0;
    for (long t = 1; t < steps; t++) {
      const double share = (static_cast<double>(t) - 0.5) / last;
      const double at = (share < 1 ? share : 1) * static_cast<double>(w.knots - 1);
      const long before = std::min<long>(static_cast<long>(at), w.knots - 2);
      travelled += knot[before] + (knot[before + 1] - knot[before]) * (at - static_cast<double>(before));
      place[t] = travelled;
    }
    const double scale = travelled > 0 ? last / travelled : 0;
    for (long t = 0; t < steps; t++) place[t] *= scale;
    return place;
  }

  long draws_;  // random numbers of a row
};

}  // namespace

template <class T>
std::unique_ptr<Op<T>> make_warp(const OpSpec& s, const PlanSpec& plan) {
  return std::make_unique<Warp<T>>(s, plan);
}
template std::unique_ptr<Op<float>> make_warp<float>(const OpSpec&, const PlanSpec&);
template std::unique_ptr<Op<double>> make_warp<double>(const OpSpec&, const PlanSpec&);

}  // namespace descend

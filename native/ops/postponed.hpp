// New weights that a thread keeps back for a moment. Since the weights were last written, other threads have read the
// lines they lie in, so each write waits until those have let go of the line, and when many such writes follow each
// other the processor runs out of room for them and stands still. A product computes for long before it writes little:
// as many lines as a tile has, ahead of each tile, cost next to nothing.
#pragma once

#include "kernels/panels.hpp"

namespace descend {

template <class T>
class Postponed {
 public:
  static constexpr long kMost = kPanel<T> * kPanel<T>;  // numbers in a piece
  static constexpr long kPieces = 8;                    // two blocks of the widest tile

  Postponed() {}  // leaves the numbers as they are

  // Where to leave `count` numbers, at most kMost and whole lines, that belong at `to`, before the next call. What
  // waits for `to` must be written before somebody reads there, so a run ends every update with write_all.
  T* put(T* to, long count) {
    if (waiting_ == kPieces) write(lines_left());
    Piece& piece = pieces_[(first_ + waiting_++) % kPieces];
    piece.to = to;
    piece.count = count;
    return piece.numbers;
  }

  // Writes the next lines, the oldest first.
  void write(long lines) {
    for (; lines > 0 && waiting_ > 0; lines--) {
      const Piece& piece = pieces_[first_];
      for (int v = 0; v < kPanel<T>; v += kLanes<T>) store(piece.to + written_ + v, load(piece.numbers + written_ + v));
      written_ += kPanel<T>;
      if (written_ < piece.count) continue;
      first_ = (first_ + 1) % kPieces;
      waiting_--;
      written_ = 0;
    }
  }

  void write_all() {
    while (waiting_ > 0) write(lines_left());
  }

 private:
  struct Piece {
    T* to;
    long count;
    alignas(64) T numbers[kMost];
  };

  // Of the oldest piece.
  long lines_left() const { return (pieces_[first_].count - written_) / kPanel<T>; }

  long first_ = 0, waiting_ = 0, written_ = 0;  // the oldest piece, how many wait, numbers of the oldest written
  Piece pieces_[kPieces];
};

}  // namespace descend

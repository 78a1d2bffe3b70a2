#include "harness.hpp"
#include "ops/postponed.hpp"
#include "runtime/memory.hpp"

using namespace descend;

namespace {

constexpr long P = kPanel<float>;

// `pieces` pieces of `lines` lines, each with numbers of its own, for neighbouring places in `to`.
void put_pieces(Postponed<float>& postponed, float* to, long pieces, long lines, long first = 0) {
  for (long i = first; i < first + pieces; i++) {
    float* numbers = postponed.put(to + i * lines * P, lines * P);
    for (long k = 0; k < lines * P; k++) numbers[k] = static_cast<float>(1 + i * lines * P + k);
  }
}

// How many of the first numbers of `to` are as they should be; all others must be 0.
long written(const Buffer<float>& to) {
  long count = 0;
  while (count < to.size() && to[count] == static_cast<float>(count + 1)) count++;
  for (long i = count; i < to.size(); i++)
    if (to[i] != 0) return -1;
  return count;
}

}  // namespace

TEST(postponed_lines_are_written_in_order_as_many_as_asked_for) {
  constexpr long pieces = 4, lines = 5;
  Buffer<float> to(pieces * lines * P);
  Postponed<float> postponed;
  postponed.write(3);
  put_pieces(postponed, to.get(), pieces, lines);
  CHECK(written(to) == 0);
  for (long asked = 3; asked < pieces * lines; asked += 3) {
    postponed.write(3);
    CHECK(written(to) == asked * P);
  }
  postponed.write(1000);
  CHECK(written(to) == pieces * lines * P);
}

TEST(postponed_pieces_beyond_the_room_push_out_the_oldest) {
  constexpr long room = Postponed<float>::kPieces, pieces = 3 * room + 1, lines = P;
  Buffer<float> to(pieces * lines * P);
  Postponed<float> postponed;
  put_pieces(postponed, to.get(), room, lines);
  CHECK(written(to) == 0);
  postponed.write(1);
  put_pieces(postponed, to.get(), 1, lines, room);
  CHECK(written(to) == lines * P);
  put_pieces(postponed, to.get(), pieces - room - 1, lines, room + 1);
  CHECK(written(to) == (pieces - room) * lines * P);
  postponed.write(1);
  CHECK(written(to) == (pieces - room) * lines * P + P);
  postponed.write_all();
  CHECK(written(to) == pieces * lines * P);
  postponed.write_all();
  CHECK(written(to) == pieces * lines * P);
}

TEST(postponed_pieces_may_have_any_number_of_lines) {
  constexpr long many = 4 * Postponed<double>::kPieces, width = kPanel<double>;
  Buffer<double> to(many * width * width);
  Postponed<double> postponed;
  long numbers = 0;
  for (long i = 0; i < many; i++) {
    const long count = (1 + i * 3 % width) * width;
    double* const piece = postponed.put(to.get() + numbers, count);
    for (long k = 0; k < count; k++) piece[k] = static_cast<double>(++numbers);
    postponed.write(3);
  }
  postponed.write_all();
  for (long i = 0; i < to.size(); i++) CHECK(to[i] == (i < numbers ? static_cast<double>(i + 1) : 0));
}

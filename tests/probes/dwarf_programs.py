"""Programs that print what their variables are, for tests that read the same variables with probes."""

from __future__ import annotations

from tests.debuginfo.programs import line_of

_BODY = r"""#include <stdio.h>
enum level { LOW, HIGH = 5 };
union word { unsigned int whole; unsigned char bytes[4]; };
struct item { struct item *next; const char *label; int count; unsigned small:3; signed tiny:5; enum level level;
              union word word; short rows[2][3]; double weight; struct { char tag[8]; long id; } inner; };
int shared = 11;
static long hidden = -5;
static inline __attribute__((always_inline)) int twice(int v) { int both = v + v; return both; }
__attribute__((noinline)) long visit(struct item *item, int depth, unsigned char flags, const char *text)
{
  long sum = item->count * 3 + depth;
  int steps = depth + 1;
  char initial = text[0];
  hidden -= sum;
  sum += twice(steps) + shared;
  printf("visit depth=%d flags=%u sum=%ld steps=%d initial=%c text=%s label=%s count=%d small=%u tiny=%d level=%d"
         " whole=%u rows=%d tag=%s id=%ld next=%d hidden=%ld\n", depth, flags, sum, steps, initial, text, item->label,
         item->count, item->small, item->tiny, item->level, item->word.whole, item->rows[1][2], item->inner.tag,
         item->inner.id, item->next ? item->next->count : 0, hidden);
  shared += steps;
  return sum;
}
int main(int argc, char **argv)
{
  struct item last = { 0, "last", 40, 2, -3, LOW, { 0x01020304 }, { { 1, 2, 3 }, { 4, 5, 6 } }, 0.5, { "end", 99 } };
  struct item first = { &last, "first", argc * 7, 7, 9, HIGH, { 77 }, { { 7, 8, 9 }, { 10, 11, -12 } }, 2.5,
                        { "start", -1 } };
  struct item *items[2] = { &first, &last };
  long total = 0;
  for (int i = 0; i < 4; i++)
    total += visit(items[i % 2], i, 200 + i, i & 1 ? "odd" : "even");
  printf("total %ld\n", total);
  return 0;
}
"""
HERE = 200
"""The line of the statement that prints everything."""
C_SOURCE = "\n" * (HERE - line_of('printf("visit', _BODY)) + _BODY

CXX_SOURCE = r"""
#include <cstdio>
namespace shapes {
class Shape {
public:
  virtual ~Shape() {}
  virtual double area(int scale) const = 0;
  int id;
protected:
  Shape(int id) : id(id) { count++; }
public:
  static int count;
};
int Shape::count = 0;
struct Point { int x; int y; };
class Box : public Shape {
  Point corner;
  int width, height;
public:
  Box(int id, Point at, int w, int h) : Shape(id), corner(at), width(w), height(h) {}
  __attribute__((noinline)) double area(int scale) const override;
  __attribute__((noinline)) int move(const Point &by, long times);
};
double Box::area(int scale) const
{
  int plain = width * height;
  std::printf("area id=%d scale=%d plain=%d x=%d y=%d\n", id, scale, plain, corner.x, corner.y); // AREA
  return plain * scale;
}
int Box::move(const Point &by, long times)
{
  corner.x += by.x * times;
  corner.y += by.y * times;
  std::printf("move id=%d by=%d,%d times=%ld x=%d y=%d\n", id, by.x, by.y, times, corner.x, corner.y); // MOVE
  return corner.x - corner.y;
}
}
template <typename T> __attribute__((noinline)) T largest(const T *values, int n)
{
  T best = values[0];
  for (int i = 1; i < n; i++) if (values[i] > best) best = values[i];
  std::printf("largest n=%d best=%ld\n", n, (long)best); // LARGEST
  return best;
}
int main()
{
  shapes::Point at = { 3, 4 }, by = { 10, -1 };
  shapes::Box box(42, at, 6, 7);
  shapes::Shape *shape = &box;
  double total = shape->area(2);
  total += box.move(by, 5);
  int numbers[3] = { 4, 9, 2 };
  long longs[2] = { -7, -8 };
  total += largest(numbers, 3) + largest(longs, 2);
  std::printf("total %d\n", (int)total);
  return 0;
}
"""

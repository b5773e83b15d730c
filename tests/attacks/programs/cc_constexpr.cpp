// The compiler runs the program, for ever.
constexpr long spin(long n) { long s = 0; for (long i = 0; i < n; i++) s ^= i * i + s; return s; }
template <long N> struct S { static constexpr long value = spin(33000 + N % 2) ^ S<N - 1>::value; };
template <> struct S<0> { static constexpr long value = 0; };
int main() { return S<800>::value & 1 ? 1 : 1; }

// A short program with megabytes of error messages.
#include <map>
#include <string>
#define X x.y.z.w; std::map<std::map<std::string, int>, std::map<int, std::string>> m; m << m; m = 1;
#define X10 X X X X X X X X X X
#define X100 X10 X10 X10 X10 X10 X10 X10 X10 X10 X10
#define X1000 X100 X100 X100 X100 X100 X100 X100 X100 X100 X100
int main() { X1000 X1000 X1000 }

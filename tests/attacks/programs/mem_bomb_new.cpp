// Takes memory until it cannot.
#include <cstring>
#include <cstdlib>
int main() {
    for (;;) {
        char *p = new char[1 << 24];
        std::memset(p, 1, 1 << 24);
    }
}

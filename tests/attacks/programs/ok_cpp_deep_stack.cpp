// 200 MB of stack, as the statements of many contests allow.
#include <bits/stdc++.h>
using namespace std;
int walk(int depth, volatile char *before) {
    volatile char here[2000];
    here[0] = before[0] + 1;
    return depth ? walk(depth - 1, here) + 1 : 0;
}
int main() {
    int a, b;
    volatile char c = 0;
    cin >> a >> b;
    cout << (walk(98000, &c) == 98000 ? a + b : 0) << endl;
}

#pragma GCC optimize("O3,unroll-loops")
#pragma GCC target("sse4.2,popcnt")
#include <bits/stdc++.h>
#include <ext/pb_ds/assoc_container.hpp>
using namespace std;
using namespace __gnu_pbds;
tree<int, null_type, less<int>, rb_tree_tag, tree_order_statistics_node_update> t;
int main() {
    freopen("/dev/stdin", "r", stdin);
    int a, b;
    while (scanf("%d%d", &a, &b) == 2) printf("%lld", (long long)a + b);
    t.insert(a);
    return 0;
}

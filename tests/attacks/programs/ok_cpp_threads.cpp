#include <future>
#include <iostream>
#include <thread>
int main() {
    std::ios::sync_with_stdio(false);
    std::cin.tie(nullptr);
    int a, b, c = 0;
    std::cin >> a >> b;
    std::thread t([&] { c = std::async(std::launch::async, [&] { return a + b; }).get(); });
    t.join();
    std::cout << c << '\n';
}

// A header with the interface of testlib (github.com/MikeMirzayanov/testlib) for checkers, interactors and validators,
// written for Assay so that problem packages can be judged without fetching anything. It is not that library:
//
// - what a checker decides is the same: which outputs are malformed (_pe), out of range or wrong (_wa), which faults are
//   the jury's (_fail: anything wrong with the input or the answer), and that a right answer followed by more is not right;
// - messages are shorter, and there is no report file in XML;
// - `rnd` draws from another generator: a generator of tests makes other tests with it than with the original.
//
// Exit statuses: 0 accepted, 1 wrong answer, 2 presentation error, 3 failed, 7 points (the message begins with them),
// 16 + n for _pc(n). Streams of files are read whole, standard input as it comes.
#ifndef ASSAY_TESTLIB_H
#define ASSAY_TESTLIB_H

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <climits>
#include <cmath>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <iomanip>
#include <iostream>
#include <iterator>
#include <limits>
#include <map>
#include <memory>
#include <numeric>
#include <queue>
#include <random>
#include <set>
#include <sstream>
#include <stack>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#define I64 "%lld"
#define U64 "%llu"
#define LF ((char)10)
#define CR ((char)13)
#define TAB ((char)9)
#define SPACE ((char)' ')
#define EOFC (255)
#define NORETURN [[noreturn]]

enum TResult {
    _ok = 0, _wa = 1, _pe = 2, _fail = 3, _dirt = 4, _points = 5, _unexpected_eof = 8, _partially = 16
};
enum TMode { _input, _output, _answer };
enum TTestlibMode { _unknown, _checker, _validator, _generator, _interactor, _scorer };
#define _pc(exitCode) (TResult(_partially + (exitCode)))

namespace assay_testlib {
inline std::string formatted(const char* format, va_list arguments) {
    va_list copy;
    va_copy(copy, arguments);
    int length = std::vsnprintf(nullptr, 0, format, copy);
    va_end(copy);
    if (length < 0) return format;
    std::string result(size_t(length) + 1, '\0');
    std::vsnprintf(&result[0], result.size(), format, arguments);
    result.resize(size_t(length));
    return result;
}

// A long text as its two ends, without what would end a C string.
inline std::string part(const std::string& text) {
    std::string clean(text);
    std::replace(clean.begin(), clean.end(), '\0', '~');
    return clean.size() <= 64 ? clean : clean.substr(0, 30) + "..." + clean.substr(clean.size() - 31);
}

inline bool blank(int c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// Regular expressions of one alternation level or more: characters, [classes], (groups), |, and ? * + {n} {n,m} {n,}.
// A set of positions is carried along, so that time is linear in the text for each atom of the pattern.
class Matcher {
public:
    explicit Matcher(const std::string& source) {
        // Spaces are there for the reader, unless a backslash precedes them.
        for (size_t i = 0; i < source.size(); i++)
            if (source[i] != ' ' || (i > 0 && source[i - 1] == '\\')) source_ += source[i];
        size_t at = 0;
        root_ = alternatives(at);
        if (at != source_.size()) throw std::invalid_argument("pattern: unexpected ')' in " + source_);
    }

    bool matches(const std::string& text) const {
        std::vector<size_t> ends = run(*root_, text, std::vector<size_t>(1, 0));
        return !ends.empty() && ends.back() == text.size();
    }

private:
    struct Node {
        enum Kind { Chars, Sequence, Either } kind = Sequence;
        bool chars[256] = {};
        std::vector<std::shared_ptr<Node>> children;
        size_t least = 1, most = 1;
    };
    std::string source_;
    std::shared_ptr<Node> root_;

    std::shared_ptr<Node> alternatives(size_t& at) {
        auto node = std::make_shared<Node>();
        node->kind = Node::Either;
        node->children.push_back(sequence(at));
        while (at < source_.size() && source_[at] == '|') node->children.push_back(sequence(++at));
        return node;
    }

    std::shared_ptr<Node> sequence(size_t& at) {
        auto node = std::make_shared<Node>();
        while (at < source_.size() && source_[at] != '|' && source_[at] != ')') {
            auto child = atom(at);
            quantity(at, *child);
            node->children.push_back(child);
        }
        return node;
    }

    std::shared_ptr<Node> atom(size_t& at) {
        if (source_[at] == '(') {
            auto inner = alternatives(++at);
            if (at >= source_.size()) throw std::invalid_argument("pattern: missing ')' in " + source_);
            ++at;
            auto node = std::make_shared<Node>();
            node->children.push_back(inner);
            return node;
        }
        auto node = std::make_shared<Node>();
        node->kind = Node::Chars;
        if (source_[at] != '[') {
            node->chars[(unsigned char)letter(at)] = true;
            return node;
        }
        bool inverted = ++at < source_.size() && source_[at] == '^';
        if (inverted) ++at;
        while (at < source_.size() && source_[at] != ']') {
            unsigned char first = (unsigned char)letter(at), last = first;
            if (at + 1 < source_.size() && source_[at] == '-' && source_[at + 1] != ']') last = (unsigned char)letter(++at);
            for (int c = first; c <= last; c++) node->chars[c] = true;
        }
        if (at++ >= source_.size()) throw std::invalid_argument("pattern: missing ']' in " + source_);
        if (inverted) for (bool& c : node->chars) c = !c;
        return node;
    }

    char letter(size_t& at) {
        if (source_[at] == '\\' && at + 1 < source_.size()) {
            at += 2;
            return source_[at - 1];
        }
        return source_[at++];
    }

    void quantity(size_t& at, Node& node) {
        if (at >= source_.size()) return;
        const size_t endless = size_t(-1);
        char c = source_[at];
        if (c == '?') node.least = 0, ++at;
        else if (c == '*') node.least = 0, node.most = endless, ++at;
        else if (c == '+') node.most = endless, ++at;
        else if (c == '{') {
            size_t end = source_.find('}', at), comma = source_.find(',', at);
            if (end == std::string::npos) throw std::invalid_argument("pattern: missing '}' in " + source_);
            node.least = std::stoul(source_.substr(at + 1));
            node.most = node.least;
            if (comma < end) node.most = comma + 1 == end ? endless : std::stoul(source_.substr(comma + 1));
            at = end + 1;
        }
    }

    static std::vector<size_t> once(const Node& node, const std::string& text, const std::vector<size_t>& from) {
        if (node.kind == Node::Chars) {
            std::vector<size_t> to;
            for (size_t at : from) if (at < text.size() && node.chars[(unsigned char)text[at]]) to.push_back(at + 1);
            return to;
        }
        if (node.kind == Node::Sequence) {
            std::vector<size_t> at = from;
            for (const auto& child : node.children) at = run(*child, text, at);
            return at;
        }
        std::vector<size_t> all;
        for (const auto& child : node.children) {
            std::vector<size_t> to = run(*child, text, from);
            all.insert(all.end(), to.begin(), to.end());
        }
        return sorted(all);
    }

    static std::vector<size_t> run(const Node& node, const std::string& text, const std::vector<size_t>& from) {
        if (node.least == 1 && node.most == 1) return once(node, text, from);
        std::vector<size_t> all;
        if (node.kind == Node::Chars) {
            for (size_t at : from) {
                size_t length = 0;
                while (length < node.most && at + length < text.size() && node.chars[(unsigned char)text[at + length]]) {
                    if (length >= node.least) all.push_back(at + length);
                    length++;
                }
                if (length >= node.least) all.push_back(at + length);
            }
            return sorted(all);
        }
        std::vector<size_t> at = from;
        for (size_t count = 0; !at.empty(); count++) {
            if (count >= node.least) {
                size_t before = all.size();
                all.insert(all.end(), at.begin(), at.end());
                all = sorted(all);
                if (count > node.least && all.size() == before) break;
            }
            if (count == node.most) break;
            at = once(node, text, at);
        }
        return all;
    }

    static std::vector<size_t> sorted(std::vector<size_t> values) {
        std::sort(values.begin(), values.end());
        values.erase(std::unique(values.begin(), values.end()), values.end());
        return values;
    }
};
}  // namespace assay_testlib

class pattern {
public:
    explicit pattern(std::string s) : source(s), matcher(s) {}
    bool matches(const std::string& text) const { return matcher.matches(text); }
    std::string src() const { return source; }

private:
    std::string source;
    assay_testlib::Matcher matcher;
};

// -- Small helpers ---------------------------------------------------------------------------------------------------

#define ASSAY_FORMATTED(last, result)                        \
    std::string result;                                      \
    {                                                        \
        va_list arguments_;                                  \
        va_start(arguments_, last);                          \
        result = assay_testlib::formatted(last, arguments_); \
        va_end(arguments_);                                  \
    }

__attribute__((format(printf, 1, 2))) inline std::string testlib_format_(const char* message, ...) {
    ASSAY_FORMATTED(message, result)
    return result;
}
__attribute__((format(printf, 1, 2))) inline std::string format(const char* message, ...) {
    ASSAY_FORMATTED(message, result)
    return result;
}
inline std::string format(const std::string message, ...) {
    va_list arguments;
    va_start(arguments, message);
    std::string result = assay_testlib::formatted(message.c_str(), arguments);
    va_end(arguments);
    return result;
}

template <typename T> std::string vtos(const T& value) {
    std::ostringstream out;
    out << value;
    return out.str();
}
template <typename T> std::string toString(const T& value) { return vtos(value); }
template <typename T> std::string toHumanReadableString(const T& value) { return vtos(value); }

inline std::string upperCase(std::string s) {
    for (char& c : s) if ('a' <= c && c <= 'z') c = char(c - 'a' + 'A');
    return s;
}
inline std::string lowerCase(std::string s) {
    for (char& c : s) if ('A' <= c && c <= 'Z') c = char(c - 'A' + 'a');
    return s;
}
inline std::string trim(const std::string& s) {
    size_t first = 0, last = s.size();
    while (first < last && assay_testlib::blank(s[first])) first++;
    while (last > first && assay_testlib::blank(s[last - 1])) last--;
    return s.substr(first, last - first);
}
inline std::string compress(const std::string& s) { return assay_testlib::part(s); }
inline std::string englishEnding(int x) {
    x %= 100;
    if (x / 10 == 1) return "th";
    return x % 10 == 1 ? "st" : x % 10 == 2 ? "nd" : x % 10 == 3 ? "rd" : "th";
}
inline bool isBlanks(char c) { return assay_testlib::blank(c); }
inline bool isEof(char c) { return (unsigned char)c == EOFC; }
inline bool isEoln(char c) { return c == LF || c == CR; }

inline std::vector<std::string> split(const std::string& s, const std::string& separators) {
    std::vector<std::string> result(1);
    for (char c : s) {
        if (separators.find(c) != std::string::npos) result.push_back("");
        else result.back() += c;
    }
    return result;
}
inline std::vector<std::string> split(const std::string& s, char separator) { return split(s, std::string(1, separator)); }
inline std::vector<std::string> tokenize(const std::string& s, const std::string& separators) {
    std::vector<std::string> result;
    for (const std::string& piece : split(s, separators)) if (!piece.empty()) result.push_back(piece);
    return result;
}
inline std::vector<std::string> tokenize(const std::string& s, char separator) { return tokenize(s, std::string(1, separator)); }

template <typename It, typename S> std::string join(It first, It last, S separator) {
    std::ostringstream out;
    for (bool started = false; first != last; ++first, started = true) {
        if (started) out << separator;
        out << *first;
    }
    return out.str();
}
template <typename It> std::string join(It first, It last) { return join(first, last, ' '); }
template <typename C> std::string join(const C& items) { return join(items.begin(), items.end(), ' '); }
template <typename C, typename S> auto join(const C& items, S separator) -> decltype(items.begin(), std::string()) {
    return join(items.begin(), items.end(), separator);
}

// -- Comparing numbers -----------------------------------------------------------------------------------------------

inline bool __testlib_isNaN(double x) { return std::isnan(x); }
inline bool __testlib_isInfinite(double x) { return std::isinf(x); }

// Whether `result` is within `error` of `expected`, absolutely or relatively. Nothing but NaN is near NaN.
inline bool doubleCompare(double expected, double result, double error) {
    error += 1E-15;
    if (std::isnan(expected)) return std::isnan(result);
    if (std::isinf(expected)) return std::isinf(result) && (expected > 0) == (result > 0);
    if (std::isnan(result) || std::isinf(result)) return false;
    if (std::fabs(result - expected) <= error) return true;
    double low = std::min(expected * (1.0 - error), expected * (1.0 + error));
    double high = std::max(expected * (1.0 - error), expected * (1.0 + error));
    return low <= result && result <= high;
}
inline double doubleDelta(double expected, double result) {
    double absolute = std::fabs(result - expected);
    if (std::fabs(expected) > 1E-9) return std::min(absolute, std::fabs(absolute / expected));
    return absolute;
}

// -- Random numbers --------------------------------------------------------------------------------------------------

class random_t {
public:
    random_t() : engine(3905348978240129619ULL) {}
    void setSeed(int argc, char* argv[]) {
        std::string all;
        for (int i = 1; i < argc; i++) all += std::string(argv[i]) + '\0';
        std::seed_seq seed(all.begin(), all.end());
        engine.seed(seed);
    }
    void setSeed(long long seed) { engine.seed((unsigned long long)seed); }
    int next(int n) { return int(below((unsigned long long)n)); }
    unsigned next(unsigned n) { return unsigned(below(n)); }
    long long next(long long n) { return (long long)below((unsigned long long)n); }
    unsigned long long next(unsigned long long n) { return below(n); }
    long next(long n) { return long(below((unsigned long long)n)); }
    double next() { return double(engine() >> 11) / 9007199254740992.0; }
    double next(double n) { return n * next(); }
    int next(int from, int to) { return int(next((long long)from, (long long)to)); }
    long long next(long long from, long long to) {
        return (long long)((unsigned long long)from + below((unsigned long long)to - (unsigned long long)from + 1));
    }
    long next(long from, long to) { return long(next((long long)from, (long long)to)); }
    double next(double from, double to) { return from + (to - from) * next(); }
    template <typename C> typename C::value_type any(const C& items) {
        return *std::next(items.begin(), (std::ptrdiff_t)below((unsigned long long)items.size()));
    }
    template <typename It> typename std::iterator_traits<It>::value_type any(It first, It last) {
        return *std::next(first, (std::ptrdiff_t)below((unsigned long long)std::distance(first, last)));
    }
    // The largest (or, for negative `type`, the smallest) of several draws.
    int wnext(int n, int type) { return int(wnext((long long)n, type)); }
    long long wnext(long long n, int type) {
        long long best = next(n);
        for (int i = 0; i < std::abs(type); i++) best = type > 0 ? std::max(best, next(n)) : std::min(best, next(n));
        return best;
    }
    int wnext(int from, int to, int type) { return from + wnext(to - from + 1, type); }
    long long wnext(long long from, long long to, int type) { return from + wnext(to - from + 1, type); }
    template <typename T> std::vector<T> perm(T size, T first = T()) {
        std::vector<T> items((size_t)size);
        std::iota(items.begin(), items.end(), first);
        for (size_t i = items.size(); i > 1; i--) std::swap(items[i - 1], items[(size_t)below(i)]);
        return items;
    }

private:
    std::mt19937_64 engine;
    unsigned long long below(unsigned long long n) { return n == 0 ? engine() : engine() % n; }
};
static random_t rnd;

template <typename It> void shuffle(It first, It last) {
    for (auto size = last - first; size > 1; size--) std::iter_swap(first + size - 1, first + rnd.next((long long)size));
}

// -- Streams ---------------------------------------------------------------------------------------------------------

static TTestlibMode testlibMode = _unknown;
static std::string checkerName;
static int __testlib_testCase = -1;

struct InStream {
    std::string name;
    TMode mode = _input;
    bool opened = false, stdfile = false, strict = false;
    size_t maxFileSize = 128 * 1024 * 1024, maxTokenLength = 32 * 1024 * 1024, maxMessageLength = 32000;

    void init(const std::string& file_name, TMode stream_mode) {
        name = file_name;
        mode = stream_mode;
        std::FILE* opened_file = std::fopen(file_name.c_str(), "rb");
        if (opened_file == nullptr) quit(mode == _output ? _pe : _fail, ("File not found: \"" + file_name + "\"").c_str());
        char block[1 << 16];
        for (size_t count; (count = std::fread(block, 1, sizeof block, opened_file)) > 0;) data.append(block, count);
        std::fclose(opened_file);
        opened = true;
        if (data.size() > maxFileSize) quitf(_pe, "File size exceeds %zu bytes, size is %zu", maxFileSize, data.size());
    }
    void init(std::FILE* opened_file, TMode stream_mode) {
        name = opened_file == stdin ? "stdin" : "untitled";
        mode = stream_mode;
        source = opened_file;
        stdfile = opened = true;
    }
    void reset(std::FILE* = nullptr) {
        if (stdfile) quit(_fail, "Can't reset standard handle");
        at = 0;
    }
    void close() { opened = false; }
    void setTestCase(int number) { __testlib_testCase = number; }

    // Characters. At the end of the file they are EOFC.
    char curChar() { return char(peek() < 0 ? EOFC : peek()); }
    char nextChar() {
        int c = peek();
        if (c >= 0) at++;
        return char(c < 0 ? EOFC : c);
    }
    char readChar() { return nextChar(); }
    char readChar(char wanted) {
        int c = peek();
        if (c != (unsigned char)wanted) {
            std::string shown = c < 0 ? "end of file" : c <= 32 ? "character #" + vtos(c) : std::string("'") + char(c) + "'";
            quit(_pe, ("Unexpected " + shown + ", but " + ((unsigned char)wanted <= 32 ? "#" + vtos(int(wanted))
                       : std::string("'") + wanted + "'") + " expected").c_str());
        }
        at++;
        return wanted;
    }
    char readSpace() { return readChar(' '); }
    void unreadChar(char) { if (at > 0) at--; }
    void skipChar() { if (peek() >= 0) at++; }
    void skipBlanks() { while (assay_testlib::blank(peek())) at++; }
    void skipBom() { if (peek() == 0xEF && data.compare(at, 3, "\xEF\xBB\xBF") == 0) at += 3; }

    bool eof() { return peek() < 0; }
    bool seekEof() {
        skipBlanks();
        return eof();
    }
    // Takes the end of the line where there is one; the end of the file is one too, unless the stream is strict.
    bool eoln() {
        int c = peek();
        if (c < 0) return !strict;
        if (c == '\n') return at++, true;
        if (c != '\r' || strict) return false;
        at++;
        if (peek() == '\n') return at++, true;
        at--;
        return false;
    }
    bool seekEoln() {
        while (peek() == ' ' || peek() == '\t') at++;
        return eoln();
    }
    void nextLine() { readLine(); }
    void readEoln() { if (!eoln()) quit(_pe, "Expected EOLN"); }
    void readEof() { if (!eof()) quit(_pe, "Expected EOF"); }

    // Tokens: what stands between white space.
    void readWordTo(std::string& result) {
        if (!strict) skipBlanks();
        result.clear();
        if (assay_testlib::blank(peek())) quit(_pe, "Unexpected white-space - token expected");
        while (peek() >= 0 && !assay_testlib::blank(peek())) {
            result += char(peek());
            at++;
            if (result.size() > maxTokenLength) quit(_pe, "Length of token exceeds the limit");
        }
        if (result.empty()) quit(_unexpected_eof, "Unexpected end of file - token expected");
    }
    void readWordTo(std::string& result, const pattern& p, const std::string& variable = "") {
        readWordTo(result);
        matched("Token", result, p, variable);
    }
    void readWordTo(std::string& r, const std::string& p, const std::string& variable = "") { readWordTo(r, pattern(p), variable); }
    void readTokenTo(std::string& result) { readWordTo(result); }
    void readTokenTo(std::string& r, const pattern& p, const std::string& variable = "") { readWordTo(r, p, variable); }
    void readTokenTo(std::string& r, const std::string& p, const std::string& variable = "") { readWordTo(r, p, variable); }
    std::string readWord() {
        std::string result;
        readWordTo(result);
        return result;
    }
    std::string readWord(const pattern& p, const std::string& variable = "") {
        std::string result;
        readWordTo(result, p, variable);
        return result;
    }
    std::string readWord(const std::string& p, const std::string& variable = "") { return readWord(pattern(p), variable); }
    std::string readToken() { return readWord(); }
    std::string readToken(const pattern& p, const std::string& variable = "") { return readWord(p, variable); }
    std::string readToken(const std::string& p, const std::string& variable = "") { return readWord(p, variable); }

    // Lines, without their end.
    void readStringTo(std::string& result) {
        result.clear();
        for (int c; (c = peek()) >= 0 && c != '\n'; at++) {
            if (c == '\r') {
                at++;
                int next = peek();
                at--;
                if (next == '\n') break;
            }
            result += char(c);
        }
        if (strict) readEoln();
        else eoln();
    }
    void readStringTo(std::string& result, const pattern& p, const std::string& variable = "") {
        readStringTo(result);
        matched("Line", result, p, variable);
    }
    void readStringTo(std::string& r, const std::string& p, const std::string& variable = "") { readStringTo(r, pattern(p), variable); }
    void readLineTo(std::string& result) { readStringTo(result); }
    void readLineTo(std::string& r, const pattern& p, const std::string& variable = "") { readStringTo(r, p, variable); }
    void readLineTo(std::string& r, const std::string& p, const std::string& variable = "") { readStringTo(r, p, variable); }
    std::string readString() {
        std::string result;
        readStringTo(result);
        return result;
    }
    std::string readString(const pattern& p, const std::string& variable = "") {
        std::string result;
        readStringTo(result, p, variable);
        return result;
    }
    std::string readString(const std::string& p, const std::string& variable = "") { return readString(pattern(p), variable); }
    std::string readLine() { return readString(); }
    std::string readLine(const pattern& p, const std::string& variable = "") { return readString(p, variable); }
    std::string readLine(const std::string& p, const std::string& variable = "") { return readString(p, variable); }

    // Numbers: in the form in which they are printed, without leading zeros or a plus sign.
    long long readLong() { return longFrom(number("int64")); }
    long long longFrom(const std::string& word) {
        bool minus = word.size() > 1 && word[0] == '-';
        bool digits = word.size() <= 20 && std::all_of(word.begin() + minus, word.end(), [](char c) { return '0' <= c && c <= '9'; });
        bool padded = word.size() > size_t(minus) + 1 && word[minus] == '0';
        if (!digits || padded || word == "-0") quit(_pe, ("Expected integer, but \"" + assay_testlib::part(word) + "\" found").c_str());
        errno = 0;
        long long value = std::strtoll(word.c_str(), nullptr, 10);
        if (errno != 0) quit(_pe, ("Expected int64, but \"" + assay_testlib::part(word) + "\" found").c_str());
        return value;
    }
    unsigned long long readUnsignedLong() { return unsignedFrom(number("uint64")); }
    unsigned long long unsignedFrom(const std::string& word) {
        bool digits = word.size() <= 20 && std::all_of(word.begin(), word.end(), [](char c) { return '0' <= c && c <= '9'; });
        errno = 0;
        unsigned long long value = digits ? std::strtoull(word.c_str(), nullptr, 10) : 0;
        if (!digits || errno != 0 || (word.size() > 1 && word[0] == '0'))
            quit(_pe, ("Expected unsigned integer, but \"" + assay_testlib::part(word) + "\" found").c_str());
        return value;
    }
    int readInteger() {
        long long value = readLong();
        if (value < INT_MIN || value > INT_MAX) quit(_pe, ("Expected int32, but \"" + vtos(value) + "\" found").c_str());
        return int(value);
    }
    int readInt() { return readInteger(); }
    double readReal() { return doubleFrom(number("double")); }
    double doubleFrom(const std::string& word) {
        int digits = 0, minuses = 0, pluses = 0, points = 0, exponents = 0;
        for (char c : word) {
            if ('0' <= c && c <= '9') digits++;
            else if (c == '-') minuses++;
            else if (c == '+') pluses++;
            else if (c == '.') points++;
            else if (c == 'e' || c == 'E') exponents++;
            else notDouble(word);
        }
        char* end = nullptr;
        double value = std::strtod(word.c_str(), &end);
        bool whole = end == word.c_str() + word.size();
        if (digits == 0 || minuses > 2 || pluses > 2 || points > 1 || exponents > 1 || !whole || std::isnan(value)) notDouble(word);
        return value;
    }
    double readDouble() { return readReal(); }
    double readStrictReal(double low, double high, int least, int most, const std::string& variable = "") {
        std::string word = number("strict double");
        static const pattern form("-?(0|[1-9][0-9]*)([.][0-9]+)?");
        size_t point = word.find('.');
        int places = point == std::string::npos ? 0 : int(word.size() - point - 1);
        double value = std::strtod(word.c_str(), nullptr);
        if (word.size() > 1000 || !form.matches(word) || places < least || places > most || (word[0] == '-' && value >= 0))
            quit(_pe, ("Expected strict double, but \"" + assay_testlib::part(word) + "\" found").c_str());
        return inside("Strict double", value, low, high, variable);
    }
    double readStrictDouble(double low, double high, int least, int most, const std::string& variable = "") {
        return readStrictReal(low, high, least, most, variable);
    }

    // With bounds: what is outside is a wrong answer.
    int readInteger(int low, int high, const std::string& variable = "") { return inside("Integer", readInteger(), low, high, variable); }
    int readInt(int low, int high, const std::string& variable = "") { return inside("Integer", readInteger(), low, high, variable); }
    long long readLong(long long low, long long high, const std::string& variable = "") {
        return inside("Integer", readLong(), low, high, variable);
    }
    unsigned long long readUnsignedLong(unsigned long long low, unsigned long long high, const std::string& variable = "") {
        return inside("Unsigned integer", readUnsignedLong(), low, high, variable);
    }
    unsigned long long readLong(unsigned long long low, unsigned long long high, const std::string& variable = "") {
        return readUnsignedLong(low, high, variable);
    }
    double readReal(double low, double high, const std::string& variable = "") { return inside("Double", readReal(), low, high, variable); }
    double readDouble(double low, double high, const std::string& variable = "") { return inside("Double", readReal(), low, high, variable); }

    // Several at once; the last argument, where an index of the first is given, only counts in messages.
#define ASSAY_MANY(type, many, one)                                                                        \
    std::vector<type> many(int size, int = 1) { return repeated<type>(size, [&] { return one(); }); }
#define ASSAY_MANY_BOUNDED(type, many, one)                                                                \
    std::vector<type> many(int size, type low, type high, const std::string& variable = "", int = 1) {     \
        return repeated<type>(size, [&] { return one(low, high, variable); });                             \
    }
#define ASSAY_MANY_MATCHED(many, one)                                                                      \
    std::vector<std::string> many(int size, const pattern& p, const std::string& variable = "", int = 1) { \
        return repeated<std::string>(size, [&] { return one(p, variable); });                              \
    }                                                                                                      \
    std::vector<std::string> many(int size, const std::string& p, const std::string& variable = "", int = 1) { \
        return many(size, pattern(p), variable);                                                           \
    }
    ASSAY_MANY(int, readInts, readInt)
    ASSAY_MANY(int, readIntegers, readInt)
    ASSAY_MANY(long long, readLongs, readLong)
    ASSAY_MANY(unsigned long long, readUnsignedLongs, readUnsignedLong)
    ASSAY_MANY(double, readReals, readReal)
    ASSAY_MANY(double, readDoubles, readReal)
    ASSAY_MANY(std::string, readWords, readWord)
    ASSAY_MANY(std::string, readTokens, readWord)
    ASSAY_MANY_BOUNDED(int, readInts, readInt)
    ASSAY_MANY_BOUNDED(int, readIntegers, readInt)
    ASSAY_MANY_BOUNDED(long long, readLongs, readLong)
    ASSAY_MANY_BOUNDED(unsigned long long, readUnsignedLongs, readUnsignedLong)
    ASSAY_MANY_BOUNDED(double, readReals, readReal)
    ASSAY_MANY_BOUNDED(double, readDoubles, readReal)
    ASSAY_MANY_MATCHED(readWords, readWord)
    ASSAY_MANY_MATCHED(readTokens, readWord)
#undef ASSAY_MANY
#undef ASSAY_MANY_BOUNDED
#undef ASSAY_MANY_MATCHED
    std::vector<std::string> readLines(int size, int = 1) { return lines(size, [&] { return readString(); }); }
    std::vector<std::string> readStrings(int size, int = 1) { return readLines(size); }
    std::vector<std::string> readLines(int size, const pattern& p, const std::string& variable = "", int = 1) {
        return lines(size, [&] { return readString(p, variable); });
    }
    std::vector<std::string> readStrings(int size, const pattern& p, const std::string& v = "", int = 1) { return readLines(size, p, v); }
    std::vector<std::string> readLines(int size, const std::string& p, const std::string& v = "", int = 1) { return readLines(size, pattern(p), v); }
    std::vector<std::string> readStrings(int size, const std::string& p, const std::string& v = "", int = 1) { return readLines(size, pattern(p), v); }

    NORETURN void quit(TResult result, const char* message);
    NORETURN void quits(TResult result, std::string message) { quit(result, message.c_str()); }
    __attribute__((format(printf, 3, 4))) NORETURN void quitf(TResult result, const char* message, ...) {
        ASSAY_FORMATTED(message, text)
        quit(result, text.c_str());
    }
    __attribute__((format(printf, 4, 5))) void quitif(bool condition, TResult result, const char* message, ...) {
        if (!condition) return;
        ASSAY_FORMATTED(message, text)
        quit(result, text.c_str());
    }
    __attribute__((format(printf, 3, 4))) void ensuref(bool condition, const char* message, ...) {
        if (condition) return;
        ASSAY_FORMATTED(message, text)
        quit(_wa, text.c_str());
    }

private:
    std::string data;
    size_t at = 0;
    std::FILE* source = nullptr;

    int peek() {
        if (at < data.size()) return (unsigned char)data[at];
        if (source == nullptr) return -1;
        int c = std::getc(source);
        if (c == EOF) return -1;
        if (data.size() > (1 << 20)) data.erase(0, at), at = 0;
        data += char(c);
        return c;
    }
    std::string number(const char* what) {
        if (!strict && seekEof()) quitf(_unexpected_eof, "Unexpected end of file - %s expected", what);
        return readWord();
    }
    NORETURN void notDouble(const std::string& word) {
        quit(_pe, ("Expected double, but \"" + assay_testlib::part(word) + "\" found").c_str());
    }
    template <typename T> T inside(const char* what, T value, T low, T high, const std::string& variable) {
        if (value < low || value > high) {
            std::string called = variable.empty() ? "" : " parameter [name=" + variable + "] equals to";
            quit(_wa, (what + called + " " + vtos(value) + " violates the range [" + vtos(low) + ", " + vtos(high) + "]").c_str());
        }
        return value;
    }
    void matched(const char* what, const std::string& text, const pattern& p, const std::string& variable) {
        if (p.matches(text)) return;
        quit(_wa, (std::string(what) + (variable.empty() ? "" : " [name=" + variable + "]") + " \"" + assay_testlib::part(text) +
                   "\" doesn't correspond to pattern \"" + p.src() + "\"").c_str());
    }
    template <typename T, typename F> std::vector<T> repeated(int size, F read) {
        if (size < 0) quit(_fail, "Size should be non-negative");
        std::vector<T> result;
        result.reserve((size_t)std::min(size, 1 << 20));
        for (int i = 0; i < size; i++) {
            if (strict && i > 0) readSpace();
            result.push_back(read());
        }
        return result;
    }
    template <typename F> std::vector<std::string> lines(int size, F read) {
        if (size < 0) quit(_fail, "Size should be non-negative");
        std::vector<std::string> result;
        for (int i = 0; i < size; i++) result.push_back(read());
        return result;
    }
};

static InStream inf, ouf, ans;

inline long long stringToLongLong(InStream& in, const std::string& word) { return in.longFrom(word); }
inline unsigned long long stringToUnsignedLongLong(InStream& in, const std::string& word) { return in.unsignedFrom(word); }
inline double stringToDouble(InStream& in, const std::string& word) { return in.doubleFrom(word); }

static std::fstream tout;

NORETURN inline void halt(int status) {
    if (tout.is_open()) tout.close();
    std::cout.flush();
    std::fflush(nullptr);
    std::exit(status);
}

inline void InStream::quit(TResult result, const char* message) {
    std::string text = trim(message);
    if (__testlib_testCase >= 0) text += " (test case " + vtos(__testlib_testCase) + ")";
    if (text.size() > maxMessageLength) text.resize(maxMessageLength);
    if (result == _unexpected_eof) result = _pe;
    // What is wrong with the input or the answer is the jury's fault.
    if (mode != _output && result != _fail) result = _fail, text += " (" + name + ")";
    bool good = result == _ok || result == _points || result >= _partially;
    if (good && testlibMode != _interactor && testlibMode != _validator && !ouf.seekEof()) {
        result = _dirt;
        text = "Extra information in the output file";
    }
    const char* word = result == _ok ? "ok" : result == _wa ? "wrong answer" : result == _fail ? "FAIL"
                       : result == _points ? "points" : result >= _partially ? "partially correct" : "wrong output format";
    if (result >= _partially) std::fprintf(stderr, "%s (%d) %s\n", word, int(result - _partially), text.c_str());
    else std::fprintf(stderr, "%s %s\n", word, text.c_str());
    halt(result == _points ? 7 : result == _dirt ? 2 : int(result));
}

// -- Verdicts --------------------------------------------------------------------------------------------------------

NORETURN inline void quit(TResult result, const char* message) { ouf.quit(result, message); }
NORETURN inline void quit(TResult result, const std::string& message) { ouf.quit(result, message.c_str()); }
__attribute__((format(printf, 2, 3))) NORETURN inline void quitf(TResult result, const char* message, ...) {
    ASSAY_FORMATTED(message, text)
    quit(result, text);
}
__attribute__((format(printf, 3, 4))) inline void quitif(bool condition, TResult result, const char* message, ...) {
    if (!condition) return;
    ASSAY_FORMATTED(message, text)
    quit(result, text);
}
NORETURN inline void __assay_points(double points, const std::string& message) {
    if (!(points > -1E-8 && points < 1E6 + 1)) quit(_fail, "Points must lie in [0, 1E6]");
    std::ostringstream out;
    out << std::setprecision(10) << std::max(points, 0.0);
    quit(_points, message.empty() ? out.str() : out.str() + " " + message);
}
NORETURN inline void quitp(double points, const std::string& message = "") { __assay_points(points, message); }
NORETURN inline void quitp(int points, const std::string& message = "") { __assay_points(points, message); }
template <typename F> NORETURN void quitp(F points, const char* message, ...) {
    ASSAY_FORMATTED(message, text)
    __assay_points(double(points), text);
}
NORETURN inline void quitpi(const std::string& info, const std::string& message = "") {
    quit(_points, "points_info=" + info + (message.empty() ? "" : " " + message));
}

inline void __testlib_ensure(bool condition, const std::string& message) { if (!condition) quit(_fail, message); }
__attribute__((format(printf, 2, 3))) inline void ensuref(bool condition, const char* message, ...) {
    if (condition) return;
    ASSAY_FORMATTED(message, text)
    quit(_fail, text);
}
#define ensure(cond) __testlib_ensure((cond), "Condition failed: \"" #cond "\"")
#define ensure_ext(cond) __testlib_ensure((cond), "Condition failed: \"" #cond "\"")

inline void setTestCase(int number) { __testlib_testCase = number; }
inline void unsetTestCase() { __testlib_testCase = -1; }
__attribute__((format(printf, 1, 2))) inline void setName(const char* message, ...) {
    ASSAY_FORMATTED(message, text)
    checkerName = text;
}

// -- Beginning -------------------------------------------------------------------------------------------------------

inline void __assay_begin(TTestlibMode mode) {
    testlibMode = mode;
    // Faults before the streams are open are the jury's.
    ouf.mode = _output;
    std::ios::sync_with_stdio(true);
}

// checker <input> <output> <answer> [...]
inline void registerTestlibCmd(int argc, char* argv[]) {
    __assay_begin(_checker);
    if (argc < 4) quit(_fail, "Program must be run with the arguments <input-file> <output-file> <answer-file>");
    inf.init(argv[1], _input);
    ans.init(argv[3], _answer);
    ouf.init(argv[2], _output);
}
inline void registerTestlib(int argc, ...) {
    va_list names;
    va_start(names, argc);
    std::string files[3];
    for (int i = 0; i < 3 && i < argc; i++) files[i] = va_arg(names, char*);
    va_end(names);
    __assay_begin(_checker);
    if (argc < 3) quit(_fail, "registerTestlib needs three files");
    inf.init(files[0], _input);
    ans.init(files[2], _answer);
    ouf.init(files[1], _output);
}
// interactor <input> <output> [<answer>]: `ouf` is what the solution says, standard output is what it hears.
inline void registerInteraction(int argc, char* argv[]) {
    __assay_begin(_interactor);
    if (argc < 3) quit(_fail, "Program must be run with the arguments <input-file> <output-file> [<answer-file>]");
    ouf.init(stdin, _output);
    inf.init(argv[1], _input);
    tout.open(argv[2], std::ios_base::out);
    if (!tout.is_open()) quit(_fail, "Can not write to the test-output-file");
    if (argc >= 4) ans.init(argv[3], _answer);
    else ans.name = "no answer file", ans.mode = _answer;
}
inline void registerValidation() {
    __assay_begin(_validator);
    inf.init(stdin, _input);
    inf.strict = true;
}
inline void registerValidation(int, char*[]) { registerValidation(); }
inline void registerGen(int argc, char* argv[], int = 1) {
    __assay_begin(_generator);
    rnd.setSeed(argc, argv);
}

#endif

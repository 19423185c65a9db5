/* A workload, read by toml++. No exception leaves this file. */
#include <toml++/toml.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <new>
#include <string>

extern "C" {
#include "workload_file.h"
}

namespace
{

constexpr size_t longest_file = size_t{ 1 } << 20;
constexpr int64_t most_weight = 1000000;
constexpr int64_t most_scan_rows = 100000;
constexpr int64_t most_seconds = 86400;
constexpr int64_t most_rate = 100000000;

/* Where what is wrong is said. */
struct complaint {
    std::string path;
    char *why;
    size_t why_bytes;
};

__attribute__((format(printf, 3, 4))) bool
refuse(const complaint &c, const toml::source_region &at, const char *format, ...)
{
    char text[200];
    va_list args;

    va_start(args, format);
    (void)std::vsnprintf(text, sizeof text, format, args);
    va_end(args);
    (void)std::snprintf(c.why, c.why_bytes, "%.200s:%u:%u: %s", c.path.c_str(),
                        static_cast<unsigned>(at.begin.line),
                        static_cast<unsigned>(at.begin.column), text);
    return false;
}

bool
read_number(const complaint &c, const std::string &name, const toml::node &node, int64_t least,
            int64_t most, uint32_t &out)
{
    const auto *number = node.as_integer();

    if (number == nullptr || number->get() < least || number->get() > most)
        return refuse(c, node.source(), "%.40s is a whole number from %lld to %lld", name.c_str(),
                      static_cast<long long>(least), static_cast<long long>(most));
    out = static_cast<uint32_t>(number->get());
    return true;
}

/* 100, or "50-150". */
bool
read_sizes(const complaint &c, const std::string &name, const toml::node &node, uint32_t least,
           uint32_t most, draw_sizes &out)
{
    const auto *text = node.as_string();
    const std::string size = text != nullptr     ? text->get()
                             : node.is_integer() ? std::to_string(node.as_integer()->get())
                                                 : std::string();

    if (draw_sizes_parse(size.c_str(), most, &out) && out.min >= least)
        return true;
    return refuse(c, node.source(), "%.40s is N, \"N-M\" or \"log:N-M\", from %u to %u",
                  name.c_str(), least, most);
}

bool
read_text(const complaint &c, const std::string &name, const toml::node &node, size_t most,
          std::string &out)
{
    const auto *text = node.as_string();

    if (text == nullptr || text->get().empty() || text->get().size() > most)
        return refuse(c, node.source(), "%.40s is a text of 1 to %zu bytes", name.c_str(), most);
    for (const char byte : text->get())
        if (static_cast<unsigned char>(byte) < ' ')
            return refuse(c, node.source(), "%.40s holds a control character", name.c_str());
    out = text->get();
    return true;
}

bool
read_operations(const complaint &c, const toml::node &node, workload &out)
{
    const auto *table = node.as_table();

    if (table == nullptr)
        return refuse(c, node.source(), "operations is a table of weights");
    for (const auto &[key, weight] : *table) {
        const std::string name(key.str());
        const operation op = operation_named(name.c_str(), name.size());

        if (op == OPERATIONS)
            return refuse(c, key.source(), "there is no operation %.40s", name.c_str());
        if (!read_number(c, name, weight, 0, most_weight, out.weights[op]))
            return false;
    }
    if (!workload_settle(&out))
        return refuse(c, node.source(), "its operations are none, or belong to different tables");
    return true;
}

bool
read_keys(const complaint &c, const toml::node &node, workload &out)
{
    const auto *text = node.as_string();

    if (text != nullptr && draw_keys_parse(text->get().c_str(), &out.keys))
        return true;
    return refuse(c, node.source(), "keys is %s", draw_keys_known);
}

bool
read_member(const complaint &c, const toml::key &key, const toml::node &node, workload &out)
{
    const std::string name(key.str());
    std::string text;

    if (name == "name") {
        if (!read_text(c, name, node, WORKLOAD_NAME_BYTES - 1, text))
            return false;
        (void)std::snprintf(out.name, sizeof out.name, "%s", text.c_str());
        return true;
    }
    if (name == "summary") {
        if (!read_text(c, name, node, 200, text))
            return false;
        out.summary = strdup(text.c_str());
        if (out.summary == nullptr)
            throw std::bad_alloc();
        return true;
    }
    if (name == "keys")
        return read_keys(c, node, out);
    if (name == "key_bytes")
        return read_sizes(c, name, node, WORKLOAD_LEAST_KEY_BYTES, WORKLOAD_MOST_KEY_BYTES,
                          out.key_bytes);
    if (name == "value_bytes")
        return read_sizes(c, name, node, 0, WORKLOAD_MOST_VALUE_BYTES, out.value_bytes);
    if (name == "scan_rows")
        return read_sizes(c, name, node, 1, most_scan_rows, out.scan_rows);
    if (name == "batch")
        return read_number(c, name, node, 1, WORKLOAD_MOST_BATCH / 2, out.batch);
    if (name == "abort_percent")
        return read_number(c, name, node, 0, 100, out.abort_percent);
    if (name == "operations")
        return read_operations(c, node, out);
    if (name == "keys_in_no_order" && node.is_boolean()) {
        out.hashed = node.as_boolean()->get();
        return true;
    }
    return refuse(c, key.source(), "there is no setting %.40s of that kind", name.c_str());
}

/* ---- Phases ---- */

/* How long, and how often. @return false: said; `known` is false where it is something else */
bool
read_phase_length(const complaint &c, const std::string &name, const toml::node &node,
                  workload_phase &out, bool &known)
{
    uint32_t number = 0;

    known = true;
    if (name == "share")
        return read_number(c, name, node, 1, most_weight, out.share);
    if (name == "seconds")
        return read_number(c, name, node, 1, most_seconds, out.seconds);
    if (name == "count" || name == "rate") {
        if (!read_number(c, name, node, 1, most_rate, number))
            return false;
        if (name == "count")
            out.count = number;
        else
            out.rate = number;
        return true;
    }
    if (name == "arrivals") {
        const auto *text = node.as_string();

        out.poisson = text != nullptr && text->get() == "poisson";
        if (out.poisson || (text != nullptr && text->get() == "constant"))
            return true;
        return refuse(c, node.source(), "arrivals is constant or poisson");
    }
    known = false;
    return true;
}

bool
read_phase_member(const complaint &c, const toml::key &key, const toml::node &node,
                  workload_phase &out)
{
    static const char *const same[] = { "name",      "summary", "keys",         "operations",
                                        "scan_rows", "batch",   "abort_percent" };
    const std::string name(key.str());
    bool known = false;

    if (!read_phase_length(c, name, node, out, known))
        return false;
    for (const char *one : same)
        if (!known && name == one)
            return read_member(c, key, node, out.load);
    return known || refuse(c, key.source(), "there is no setting %.40s of a phase", name.c_str());
}

bool
read_phase(const complaint &c, const toml::table &table, const workload &whole, workload_phase &out)
{
    out.load = whole; /* what it does not say is the whole's */
    out.load.name[0] = '\0';
    out.load.phases = nullptr;
    out.load.phase_count = 0;
    out.poisson = true;
    if (table.contains("operations"))
        std::memset(out.load.weights, 0, sizeof out.load.weights);
    for (const auto &[key, node] : table)
        if (!read_phase_member(c, key, node, out))
            return false;
    if (out.load.name[0] == '\0')
        return refuse(c, table.source(), "the phase's name is missing");
    if (out.load.scenario == nullptr)
        return refuse(c, table.source(), "[phase.operations] is missing, and so is [operations]");
    if ((out.share > 0) + (out.seconds > 0) + (out.count > 0) > 1)
        return refuse(c, table.source(), "a phase has one of share, seconds and count");
    if (out.count > 0 && out.rate > 0)
        return refuse(c, table.source(), "a phase with a rate goes by time, and has no count");
    if (out.rate == 0 && table.contains("arrivals"))
        return refuse(c, table.source(), "a phase with arrivals has a rate");
    if (out.share + out.seconds + out.count == 0)
        out.share = 1;
    return true;
}

bool
read_phases(const complaint &c, const toml::node &node, workload &out)
{
    const auto *list = node.as_array();

    if (list == nullptr || list->empty() || list->size() > WORKLOAD_MOST_PHASES)
        return refuse(c, node.source(), "[[phase]] stands 1 to %d times", WORKLOAD_MOST_PHASES);
    out.phases = static_cast<workload_phase *>(calloc(list->size(), sizeof *out.phases));
    if (out.phases == nullptr)
        throw std::bad_alloc();
    for (const auto &entry : *list) {
        const auto *table = entry.as_table();
        workload_phase &one = out.phases[out.phase_count];

        if (table == nullptr)
            return refuse(c, entry.source(), "[[phase]] is a table");
        if (!read_phase(c, *table, out, one))
            return false;
        for (uint32_t i = 0; i < out.phase_count; i++)
            if (std::strcmp(out.phases[i].load.name, one.load.name) == 0)
                return refuse(c, table->source(), "there are two phases %.40s", one.load.name);
        out.phase_count++;
    }
    return workload_mix(&out) ||
           refuse(c, node.source(), "the phases' operations belong to different tables");
}

/* ---- The file ---- */

bool
read_table(const complaint &c, const toml::table &table, workload &out)
{
    const auto *phases = table.get("phase");

    for (const auto &[key, node] : table)
        if (&node != phases && !read_member(c, key, node, out))
            return false;
    if (phases != nullptr && !read_phases(c, *phases, out)) /* what they do not say is said now */
        return false;
    if (out.name[0] == '\0')
        return refuse(c, table.source(), "name is missing");
    if (out.scenario == nullptr)
        return refuse(c, table.source(), "[operations] is missing");
    return true;
}

bool
read_file(const complaint &c, workload &out)
{
    std::ifstream file(c.path, std::ios::binary);
    std::string text;

    text.resize(longest_file + 1);
    if (!file.read(text.data(), static_cast<std::streamsize>(text.size())) && !file.eof()) {
        (void)std::snprintf(c.why, c.why_bytes, "%.200s: can't be read", c.path.c_str());
        return false;
    }
    if (static_cast<size_t>(file.gcount()) > longest_file) {
        (void)std::snprintf(c.why, c.why_bytes, "%.200s: is longer than 1 MiB", c.path.c_str());
        return false;
    }
    text.resize(static_cast<size_t>(file.gcount()));
    try {
        return read_table(c, toml::parse(text, c.path), out);
    } catch (const toml::parse_error &e) {
        return refuse(c, e.source(), "%s", std::string(e.description()).c_str());
    }
}

} // namespace

extern "C" bool
workload_file_read(const char *path, workload *out, char *why, size_t why_bytes)
{
    try {
        if (!workload_named("read", 4, out)) /* its sizes are the defaults */
            return false;
        std::memset(out->weights, 0, sizeof out->weights);
        out->name[0] = '\0';
        out->summary = nullptr;
        out->scenario = nullptr;
        if (!read_file(complaint{ path, why, why_bytes }, *out))
            return false;
        if (out->summary == nullptr)
            out->summary = strdup(path); /* the caller's own may go before it */
        if (out->summary == nullptr)
            throw std::bad_alloc();
        return true;
    } catch (...) {
        (void)std::snprintf(why, why_bytes, "%.200s: out of memory", path);
        return false;
    }
}

/* A configuration file, read by toml++. No exception leaves this file. */
#include <toml++/toml.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "tenon/config.h"
#include "tenon/settings.h"

struct tenon_config {
    std::string url, name, folder;
    std::vector<unsigned char> audit_key;
    tenon_open_options options;
    bool has_url;
};

namespace
{

constexpr size_t longest_file = size_t{ 1 } << 20;

struct freeing {
    void operator()(tenon_config *config) const
    {
        tenon_config_free(config);
    }
};
using owned_config = std::unique_ptr<tenon_config, freeing>;

/* Fill `err` for a place in the file. */
__attribute__((format(printf, 4, 5))) tenon_status
refuse(const tenon_config &config, const toml::source_region &at, tenon_error *err,
       const char *format, ...)
{
    char text[sizeof err->message];
    va_list args;

    va_start(args, format);
    (void)std::vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (err != nullptr) {
        std::memset(err, 0, sizeof *err);
        err->status = TENON_CONFIG;
        (void)std::snprintf(err->message, sizeof err->message, "%.120s:%u:%u: %.150s",
                            config.name.c_str(), static_cast<unsigned>(at.begin.line),
                            static_cast<unsigned>(at.begin.column), text);
    }
    return TENON_CONFIG;
}

tenon_status
fail(tenon_error *err, tenon_status status, const std::string &name, const char *what)
{
    if (err != nullptr) {
        std::memset(err, 0, sizeof *err);
        err->status = status;
        (void)std::snprintf(err->message, sizeof err->message, "%.180s: %.90s", name.c_str(), what);
    }
    return status;
}

bool
has_section(const std::string &section)
{
    uint32_t count = 0;
    const tenon_setting *settings = tenon_settings(&count);

    for (uint32_t i = 0; i < count; i++) {
        if (section == settings[i].section ||
            std::string(settings[i].section).rfind(section + ".", 0) == 0)
            return true;
    }
    return false;
}

tenon_status
read_setting(tenon_config &config, const tenon_setting *setting, const toml::node &node,
             tenon_error *err)
{
    tenon_error found = {};
    uint64_t value = 0;

    if (setting->kind == TENON_SETTING_SWITCH) {
        const auto *flag = node.as_boolean();

        if (flag == nullptr)
            return refuse(config, node.source(), err, "%s is true or false", setting->name);
        value = flag->get();
    } else {
        const auto *number = node.as_integer();

        if (number == nullptr)
            return refuse(config, node.source(), err, "%s is a whole number", setting->name);
        if (number->get() < 0)
            return refuse(config, node.source(), err, "%s is not negative", setting->name);
        value = static_cast<uint64_t>(number->get());
    }
    if (tenon_setting_apply(setting, value, &config.options, &found) != TENON_OK)
        return refuse(config, node.source(), err, "%s", found.message);
    return TENON_OK;
}

tenon_status
read_url(tenon_config &config, const toml::node &node, tenon_error *err)
{
    const auto *text = node.as_string();

    if (text == nullptr)
        return refuse(config, node.source(), err, "url is a text");
    if (text->get().find('\0') != std::string::npos)
        return refuse(config, node.source(), err, "url holds a NUL byte");
    config.url = text->get();
    config.has_url = true;
    return TENON_OK;
}

tenon_status
read_key_file(tenon_config &config, const toml::node &node, tenon_error *err)
{
    const auto *text = node.as_string();
    std::string path;

    if (text == nullptr)
        return refuse(config, node.source(), err, "audit_key_file is a text");
    path = text->get().rfind('/', 0) == 0 ? text->get() : config.folder + text->get();
    std::ifstream file(path, std::ios::binary);
    if (!file)
        return refuse(config, node.source(), err, "%s can't be read", path.c_str());
    config.audit_key.resize(TENON_AUDIT_KEY_MAX_BYTES + 1); /* one more: seen to be too long */
    file.read(reinterpret_cast<char *>(config.audit_key.data()),
              static_cast<std::streamsize>(config.audit_key.size()));
    const auto bytes = static_cast<size_t>(file.gcount());
    if (bytes < TENON_AUDIT_KEY_MIN_BYTES || bytes > TENON_AUDIT_KEY_MAX_BYTES)
        return refuse(config, node.source(), err, "%s does not hold %d to %d bytes", path.c_str(),
                      TENON_AUDIT_KEY_MIN_BYTES, TENON_AUDIT_KEY_MAX_BYTES);
    config.audit_key.resize(bytes); /* it only shrinks: no copy of the key is left behind */
    config.options.audit_key = config.audit_key.data();
    config.options.audit_key_bytes = static_cast<uint32_t>(config.audit_key.size());
    return TENON_OK;
}

tenon_status
read_value(tenon_config &config, const std::string &section, const toml::key &key,
           const toml::node &node, tenon_error *err)
{
    const std::string name(key.str());
    const tenon_setting *setting = tenon_setting_find(name.c_str());

    if (section == "storage" && name == "url")
        return read_url(config, node, err);
    if (section == "database.audit" && name == "audit_key_file")
        return read_key_file(config, node, err);
    if (setting != nullptr && section == setting->section)
        return read_setting(config, setting, node, err);
    if (setting != nullptr)
        return refuse(config, key.source(), err, "%s belongs to the section [%s]", name.c_str(),
                      setting->section);
    return refuse(config, key.source(), err, "there is no setting %s in [%s]", name.c_str(),
                  section.c_str());
}

tenon_status
read_section(tenon_config &config, const std::string &section, const toml::table &table,
             tenon_error *err)
{
    for (const auto &[key, node] : table) {
        const std::string inner = section.empty() ? std::string(key.str())
                                                  : section + "." + std::string(key.str());
        tenon_status st;

        if (node.is_table() && has_section(inner))
            st = read_section(config, inner, *node.as_table(), err);
        else if (node.is_table())
            st = refuse(config, key.source(), err, "there is no section [%s]", inner.c_str());
        else
            st = read_value(config, section, key, node, err);
        if (st != TENON_OK)
            return st;
    }
    return TENON_OK;
}

tenon_status
read_text(tenon_config &config, std::string_view text, tenon_error *err)
{
    try {
        return read_section(config, "", toml::parse(text, config.name), err);
    } catch (const toml::parse_error &e) {
        return refuse(config, e.source(), err, "%s", std::string(e.description()).c_str());
    }
}

tenon_status
read_named(const char *name, std::string_view text, tenon_config **out, tenon_error *err)
{
    owned_config config(new tenon_config());
    const char *slash = std::strrchr(name, '/');

    config->name = name;
    config->folder = slash == nullptr ? "" : std::string(name, slash + 1);
    config->options.size = sizeof config->options;
    const tenon_status st = read_text(*config, text, err);
    if (st == TENON_OK)
        *out = config.release();
    return st;
}

tenon_status
read_file(const char *path, tenon_config **out, tenon_error *err)
{
    std::ifstream file(path, std::ios::binary);
    std::string text;

    if (!file)
        return fail(err, errno == ENOENT ? TENON_NOT_FOUND : TENON_IO, path, std::strerror(errno));
    text.resize(longest_file + 1);
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (file.bad() || (file.fail() && !file.eof()))
        return fail(err, TENON_IO, path, "can't be read");
    if (static_cast<size_t>(file.gcount()) > longest_file)
        return fail(err, TENON_CONFIG, path, "is longer than 1 MiB");
    text.resize(static_cast<size_t>(file.gcount()));
    return read_named(path, text, out, err);
}

} // namespace

extern "C" tenon_status
tenon_config_read(const char *path, tenon_config **out, tenon_error *err)
{
    *out = nullptr;
    try {
        return read_file(path, out, err);
    } catch (const std::bad_alloc &) {
        return fail(err, TENON_NO_MEMORY, path, "out of memory");
    } catch (...) {
        return fail(err, TENON_INTERNAL, path, "can't be read");
    }
}

extern "C" tenon_status
tenon_config_parse(const char *text, size_t bytes, const char *name, tenon_config **out,
                   tenon_error *err)
{
    *out = nullptr;
    try {
        return read_named(name, std::string_view(text, bytes), out, err);
    } catch (const std::bad_alloc &) {
        return fail(err, TENON_NO_MEMORY, name, "out of memory");
    } catch (...) {
        return fail(err, TENON_INTERNAL, name, "can't be read");
    }
}

extern "C" void
tenon_config_free(tenon_config *config)
{
    if (config != nullptr) { /* it may hold secrets */
        volatile unsigned char *key = config->audit_key.data();

        for (size_t i = 0; i < config->audit_key.size(); i++)
            key[i] = 0;
    }
    delete config;
}

extern "C" const char *
tenon_config_url(const tenon_config *config)
{
    return config->has_url ? config->url.c_str() : nullptr;
}

extern "C" const tenon_open_options *
tenon_config_options(const tenon_config *config)
{
    return &config->options;
}

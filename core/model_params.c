/* Parameters against what their query needs: on the path of every statement. */
#include <math.h>
#include <stdio.h>

#include "core/error.h"
#include "core/model_check.h"

/* "table.column" of parameter `number`, or its number where it is a limit. */
static void
params_object(const tni_query *query, uint32_t number, char *out, size_t out_bytes)
{
    const tenon_drv_table *table = query->drv.table;

    if (query->params[number].limit)
        (void)snprintf(out, out_bytes, "%s limit", table->name);
    else
        (void)snprintf(out, out_bytes, "%s.%s", table->name,
                       table->columns[query->params[number].column].name);
}

static tenon_status
params_refuse(const tni_query *query, uint32_t number, tenon_status status, const char *rule,
              tenon_error *err)
{
    char object[sizeof err->object + 32];

    params_object(query, number, object, sizeof object);
    return tni_fail(err, status, object, "%s: parameter %u of query %.60s %s", object,
                    (unsigned)number, query->drv.name[0] != '\0' ? query->drv.name : "?", rule);
}

/* A parameter that did not pass: say why. Also decides about NULL, which is not an error as such.
 */
static tenon_status
params_explain(const tni_query *query, const tenon_value *params, uint32_t number, tenon_error *err)
{
    const tni_param *param = &query->params[number];
    const tenon_value *v = &params[number];
    char rule[80];
    const char *problem;

    if (v->type == TENON_NULL) {
        if (param->limit)
            return params_refuse(query, number, TENON_INVALID, "is a limit of NULL", err);
        if (param->not_null)
            return params_refuse(query, number, TENON_CONSTRAINT,
                                 "is NULL, and the column is not_null", err);
        if (param->finite)
            return params_refuse(query, number, TENON_INVALID, "adds NULL", err);
        if (param->keyset && params[query->after_param].type != TENON_NULL)
            return params_refuse(query, number, TENON_INVALID,
                                 "is NULL, and the keyset's first parameter is not", err);
        return TENON_OK;
    }
    if (v->type != param->type) {
        (void)snprintf(rule, sizeof rule, "is %s, not %s", tenon_type_name(v->type),
                       tenon_type_name(param->type));
        return params_refuse(query, number, TENON_INVALID, rule, err);
    }
    problem = tni_value_problem(v, param->type, param->max_bytes);
    if (problem == NULL)
        problem = param->limit ? "is a limit below 0" : "adds an infinite number";
    return params_refuse(query, number, TENON_INVALID, problem, err);
}

tenon_status
tni_params_check(const tni_query *query, const tenon_value *params, tenon_error *err)
{
    const uint32_t count = query->param_count;
    tenon_status st;
    uint32_t i;

    if (count > 0 && params == NULL)
        return tni_fail(err, TENON_INVALID, query->drv.table->name,
                        "query %.60s on table %s takes %u parameters and got none",
                        query->drv.name[0] != '\0' ? query->drv.name : "?", query->drv.table->name,
                        (unsigned)count);
    for (i = 0; i < count; i++) {
        const tni_param *param = &query->params[i];
        const tenon_value *v = &params[i];
        bool ok = false;

        if (v->type == param->type) {
            switch (v->type) {
            case TENON_INT:
                ok = !param->limit || v->as.i >= 0;
                break;
            case TENON_BOOL:
                ok = v->as.i == 0 || v->as.i == 1;
                break;
            case TENON_REAL:
                ok = param->finite ? isfinite(v->as.d) : !isnan(v->as.d);
                break;
            case TENON_TEXT:
                ok = v->len <= param->max_bytes && (v->as.data != NULL || v->len == 0) &&
                     tni_is_text(v->as.data, v->len);
                break;
            case TENON_BLOB:
                ok = v->len <= param->max_bytes && (v->as.data != NULL || v->len == 0);
                break;
            case TENON_UUID:
                ok = v->len == sizeof(tenon_uuid) && v->as.data != NULL;
                break;
            default: /* TIME */
                ok = v->as.i >= TENON_MIN_TIME_US;
            }
        }
        if (ok)
            continue;
        st = params_explain(query, params, i, err);
        if (st != TENON_OK)
            return st;
    }
    return TENON_OK;
}

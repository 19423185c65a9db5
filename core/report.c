/* What a slow transaction did, and for how long. */
#include "core/report.h"

#include <string.h>

#include "core/db.h"

static const char *
report_query_name(const tni_query *query)
{
    return query->drv.name[0] != '\0' ? query->drv.name : "(unnamed)";
}

/* The statements of the transaction that has used the plans of its connection last. */
static void
report_statements(tenon_slow *slow, const tenon_txn *txn)
{
    const uint64_t serial = atomic_load_explicit(&txn->serial, memory_order_relaxed);
    const tni_plans *plans = &txn->conn->plans;

    for (uint32_t i = 0; i < plans->capacity; i++) {
        const tni_plan *plan = &plans->slots[i];

        if (plan->source == NULL || plan->serial != serial)
            continue;
        if (slow->statements_len == TENON_REPORT_STATEMENTS)
            break;
        slow->statements[slow->statements_len].name = report_query_name(plan->query);
        slow->statements[slow->statements_len++].count = plan->uses;
    }
}

static void
report_last(tenon_slow *slow, const tenon_txn *txn)
{
    const uint32_t count = atomic_load_explicit(&txn->statement_count, memory_order_relaxed);
    const uint32_t kept = count < TNI_RECENT ? count : TNI_RECENT;

    for (uint32_t i = count - kept; i < count; i++)
        slow->last[slow->last_len++] = report_query_name(
            atomic_load_explicit(&txn->recent[i % TNI_RECENT], memory_order_relaxed));
}

void
tni_report_begin(tni_report *report, tenon_txn *txn, tenon_status status, uint64_t ended_ns,
                 uint64_t now_ns)
{
    tenon_slow *slow = &report->slow;
    const uint64_t began_ns = atomic_load_explicit(&txn->began_ns, memory_order_relaxed);

    report->wanted = txn->db->slow_fn != NULL &&
                     now_ns - began_ns >= txn->db->slow_ms * TNI_NS_PER_MS;
    if (!report->wanted)
        return;
    memset(slow, 0, sizeof *slow);
    report->ended_ns = ended_ns;
    slow->name = atomic_load_explicit(&txn->op, memory_order_relaxed)->name;
    slow->where = atomic_load_explicit(&txn->where, memory_order_relaxed);
    slow->id = tenon_txn_id(txn);
    slow->status = status;
    slow->attempt = txn->attempt;
    slow->wait_ns = txn->leased_ns - began_ns;
    slow->run_ns = ended_ns - txn->leased_ns;
    slow->statement_count = atomic_load_explicit(&txn->statement_count, memory_order_relaxed);
    report_statements(slow, txn);
    report_last(slow, txn);
}

void
tni_report_keep(tni_report *report, tenon_txn *txn, uint64_t ended_ns)
{
    tni_report_begin(report, txn, TENON_OK, ended_ns, UINT64_MAX);
}

void
tni_report_settle(tni_report *report, const tenon_db *db, tenon_status status, uint64_t now_ns)
{
    const tenon_slow *slow = &report->slow;

    if (!report->wanted)
        return;
    report->slow.status = status;
    report->wanted = slow->wait_ns + slow->run_ns + (now_ns - report->ended_ns) >=
                     db->slow_ms * TNI_NS_PER_MS;
}

void
tni_report_end(tni_report *report, tenon_db *db, uint64_t now_ns)
{
    if (!report->wanted)
        return;
    report->slow.end_ns = now_ns - report->ended_ns;
    db->slow_fn(db->slow_arg, &report->slow);
}

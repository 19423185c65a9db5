/** @file forms.c The operations in the form that the fixture says. */
#include "fixture.h"

/** Begin a transaction of the test's. */
static tenon_txn *
inside_begin(fixture *f)
{
    tenon_txn *txn = NULL;

    OK(f, tenon_begin(f->db, NULL, &txn, &f->err));
    return txn;
}

/** Commit it, whatever the operation has returned, and return that. */
static tenon_status
inside_end(fixture *f, tenon_txn *txn, tenon_status status)
{
    tenon_error err = { 0 };

    if (tenon_commit(txn, &err) != TENON_OK) {
        print_error("commit: %s %s: %s\n", tenon_status_name(err.status), err.object, err.message);
        fail();
    }
    (void)f;
    return status;
}

#define BOTH_FORMS(name, in_txn, on_its_own, in_type, out_type)                                    \
    tenon_status name(fixture *f, const chat_context *ctx, const in_type *in, out_type *out)       \
    {                                                                                              \
        tenon_txn *txn;                                                                            \
        if (!f->inside)                                                                            \
            return on_its_own(f->db, ctx, in, out, &f->err);                                       \
        txn = inside_begin(f);                                                                     \
        return inside_end(f, txn, in_txn(txn, ctx, in, out, &f->err));                             \
    }

BOTH_FORMS(do_register, chat_user_registration_transaction, chat_register_user_atomically,
           chat_registration, chat_registered)
BOTH_FORMS(do_delete_user, chat_user_deletion_transaction, chat_delete_user_atomically,
           chat_deletion, chat_deleted)
BOTH_FORMS(do_create_room, chat_create_room_with_membership, chat_create_room_atomically,
           chat_new_room, chat_created_room)
BOTH_FORMS(do_invite, chat_create_invitation_with_membership, chat_create_invitation_atomically,
           chat_new_invitation, chat_invited)
BOTH_FORMS(do_answer, chat_update_invitation_and_membership, chat_update_invitation_atomically,
           chat_invitation_update, chat_invited)
BOTH_FORMS(do_batch, chat_batch_room_operations, chat_batch_room_operations_atomically,
           chat_room_batch, chat_room_result)
BOTH_FORMS(do_post, chat_post_message, chat_post_message_atomically, chat_new_message, chat_message)
BOTH_FORMS(do_edit, chat_edit_message, chat_edit_message_atomically, chat_message_edit,
           chat_message)
BOTH_FORMS(do_delete_message, chat_delete_message, chat_delete_message_atomically, tenon_uuid,
           chat_message)
BOTH_FORMS(do_rename, chat_rename_user, chat_rename_user_atomically, chat_rename, chat_user)

tenon_status
do_page(fixture *f, const chat_context *ctx, const chat_page *in, chat_message_fn fn, void *arg,
        chat_position *next)
{
    tenon_txn *txn;

    if (!f->inside)
        return chat_page_messages_atomically(f->db, ctx, in, fn, arg, next, &f->err);
    txn = inside_begin(f);
    return inside_end(f, txn, chat_page_messages(txn, ctx, in, fn, arg, next, &f->err));
}

tenon_status
do_list_rooms(fixture *f, const chat_context *ctx, const tenon_uuid *user, chat_room_fn fn,
              void *arg)
{
    tenon_txn *txn;

    if (!f->inside)
        return chat_list_rooms_atomically(f->db, ctx, user, fn, arg, &f->err);
    txn = inside_begin(f);
    return inside_end(f, txn, chat_list_rooms(txn, ctx, user, fn, arg, &f->err));
}

tenon_status
do_list_members(fixture *f, const chat_context *ctx, const tenon_uuid *room, chat_member_fn fn,
                void *arg)
{
    tenon_txn *txn;

    if (!f->inside)
        return chat_list_members_atomically(f->db, ctx, room, fn, arg, &f->err);
    txn = inside_begin(f);
    return inside_end(f, txn, chat_list_members(txn, ctx, room, fn, arg, &f->err));
}

tenon_status
do_log_in(fixture *f, const chat_context *ctx, const chat_log_in *in, chat_registered *out)
{
    chat_credentials credentials;
    tenon_status status;
    tenon_txn *txn;

    if (!f->inside)
        return chat_log_in_atomically(f->db, ctx, in, out, &f->err);
    memset(out, 0, sizeof *out);
    txn = inside_begin(f);
    status = inside_end(f, txn, chat_log_in_read(txn, in->username, &credentials, &f->err));
    if (status == TENON_OK)
        status = chat_log_in_verify(ctx, &credentials, in->password, &f->err);
    if (status != TENON_OK)
        return status;
    txn = inside_begin(f);
    return inside_end(
        f, txn, chat_log_in_open(txn, ctx, &credentials, in->session_expires_at_us, out, &f->err));
}

tenon_status
do_log_out(fixture *f, const chat_context *ctx, const char *token)
{
    tenon_txn *txn;

    if (!f->inside)
        return chat_log_out_atomically(f->db, ctx, token, &f->err);
    txn = inside_begin(f);
    return inside_end(f, txn, chat_log_out(txn, ctx, token, &f->err));
}

tenon_status
do_find_session(fixture *f, const chat_context *ctx, const char *token, chat_session *session,
                chat_user *user)
{
    tenon_txn *txn;

    if (!f->inside)
        return chat_find_session_atomically(f->db, ctx, token, session, user, &f->err);
    txn = inside_begin(f);
    return inside_end(f, txn, chat_find_session(txn, ctx, token, session, user, &f->err));
}

tenon_status
do_clean_up(fixture *f, const chat_context *ctx, uint32_t limit, chat_cleaned *out)
{
    tenon_txn *txn;

    if (!f->inside)
        return chat_clean_up_atomically(f->db, ctx, limit, out, &f->err);
    txn = inside_begin(f);
    return inside_end(f, txn, chat_clean_up(txn, ctx, limit, out, &f->err));
}

tenon_status
do_count(fixture *f, chat_counts *out)
{
    tenon_txn *txn;

    if (!f->inside)
        return chat_count_atomically(f->db, out, &f->err);
    txn = inside_begin(f);
    return inside_end(f, txn, chat_count(txn, out, &f->err));
}

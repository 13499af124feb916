/* Another library that wants to know which functions run, which errors are reported, and what a driver is let in with: says so, and passes on.
   Built by test_neighbours.py. */
#include "postgres.h"

#include "catalog/objectaccess.h"
#include "catalog/pg_proc.h"
#include "fmgr.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"

PG_MODULE_MAGIC;

PGDLLEXPORT void _PG_init(void);
PGDLLEXPORT Datum errors(PG_FUNCTION_ARGS);

PG_FUNCTION_INFO_V1(errors);

/* As in libpq/auth.h, which wants the headers of other libraries. */
struct Port;
typedef void (*Authentication) (struct Port *, int);
extern Authentication ClientAuthentication_hook;

static object_access_hook_type next_access;
static emit_log_hook_type next_emit;
static Authentication next_authentication;
static int	seen;

static void
watch_functions(ObjectAccessType type, Oid class, Oid object, int part, void *argument)
{
	if (type == OAT_FUNCTION_EXECUTE && class == ProcedureRelationId)
		ereport(NOTICE, (errmsg("watched %s", get_func_name(object))));
	if (next_access)
		next_access(type, class, object, part, argument);
}

static void
watch_errors(ErrorData *error)
{
	if (error->elevel == ERROR)
		seen++;
	if (next_emit)
		next_emit(error);
}

static void
watch_logins(struct Port *port, int status)
{
	const char *parameter;

	if (next_authentication)
		next_authentication(port, status);
	parameter = GetConfigOption("tomorrow", true, false);
	ereport(LOG, (errmsg("%s with \"%s\"", status == STATUS_OK ? "let in" : "refused", parameter ? parameter : "nothing")));
}

/* How many errors have been reported in this session. */
Datum
errors(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(seen);
}

void
_PG_init(void)
{
	next_access = object_access_hook;
	object_access_hook = watch_functions;
	next_emit = emit_log_hook;
	emit_log_hook = watch_errors;
	next_authentication = ClientAuthentication_hook;
	ClientAuthentication_hook = watch_logins;
}

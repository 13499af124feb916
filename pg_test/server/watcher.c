/* Another library that wants to know which functions run: says so, and passes on. Built by test_neighbours.py. */
#include "postgres.h"

#include "catalog/objectaccess.h"
#include "catalog/pg_proc.h"
#include "fmgr.h"
#include "utils/lsyscache.h"

PG_MODULE_MAGIC;

PGDLLEXPORT void _PG_init(void);

static object_access_hook_type next;

static void
watch(ObjectAccessType access, Oid class, Oid object, int part, void *argument)
{
	if (access == OAT_FUNCTION_EXECUTE && class == ProcedureRelationId)
		ereport(NOTICE, (errmsg("watched %s", get_func_name(object))));
	if (next)
		next(access, class, object, part, argument);
}

void
_PG_init(void)
{
	next = object_access_hook;
	object_access_hook = watch;
}

/* Another emulator's library, which defines some of the settings that ours defines. Built by test_settings_taken.py. */
#include "postgres.h"

#include <limits.h>

#include "fmgr.h"
#include "utils/guc.h"

PG_MODULE_MAGIC;

PGDLLEXPORT void _PG_init(void);

#ifdef QUERY_GROUP_IS_A_NUMBER
static int	query_group;
#else
static char *query_group;
#endif
static int	protocol;
static char *driver_version;
static bool vacuum_boost;

void
_PG_init(void)
{
#ifdef QUERY_GROUP_IS_A_NUMBER
	DefineCustomIntVariable("query_group", "another's", NULL, &query_group, 0, 0, 9, PGC_USERSET, 0, NULL, NULL, NULL);
#else
	DefineCustomStringVariable("query_group", "another's", NULL, &query_group, NULL, PGC_USERSET, 0, NULL, NULL, NULL);
#endif
	DefineCustomIntVariable("client_protocol_version", "another's", NULL, &protocol, -1, -1, INT_MAX, PGC_BACKEND, 0, NULL, NULL, NULL);
	DefineCustomStringVariable("driver_version", "another's", NULL, &driver_version, "none", PGC_BACKEND, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("enable_vacuum_boost", "another's", NULL, &vacuum_boost, true, PGC_USERSET, 0, NULL, NULL, NULL);
}

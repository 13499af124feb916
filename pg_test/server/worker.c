/* A background worker that runs a statement by SPI, as its own text, and tells the log the type of its result. Built by test_neighbours.py. */
#include "postgres.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

PG_MODULE_MAGIC;

PGDLLEXPORT Datum launch(PG_FUNCTION_ARGS);
PGDLLEXPORT void run(Datum database);

PG_FUNCTION_INFO_V1(launch);

Datum
launch(PG_FUNCTION_ARGS)
{
	BackgroundWorker worker = {.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION,
							   .bgw_start_time = BgWorkerStart_RecoveryFinished,
							   .bgw_restart_time = BGW_NEVER_RESTART,
							   .bgw_name = "worker",
							   .bgw_library_name = "worker",
							   .bgw_function_name = "run",
							   .bgw_main_arg = ObjectIdGetDatum(MyDatabaseId)};

	text_to_cstring_buffer(PG_GETARG_TEXT_PP(0), worker.bgw_extra, BGW_EXTRALEN);
	PG_RETURN_BOOL(RegisterDynamicBackgroundWorker(&worker, NULL));
}

void
run(Datum database)
{
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(database), InvalidOid, 0);
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	SPI_connect();
	PushActiveSnapshot(GetTransactionSnapshot());
	debug_query_string = MyBgworkerEntry->bgw_extra;
	SPI_execute(debug_query_string, false, 0);
	elog(LOG, "worker's result is of type %u", SPI_gettypeid(SPI_tuptable->tupdesc, 1));
	SPI_finish();
	PopActiveSnapshot();
	CommitTransactionCommand();
}

/*
 * Does src/pg/locks.c read what PostgreSQL's own GetLockStatusData() reads? A library for tests: it is no part of a release.
 *
 * prove_locks() takes both while nobody can take, release or move a lock, and compares them entry by entry. It stops everybody in the order in
 * which PostgreSQL takes these locks, checked in the sources of 15, 17, 18 and 19:
 *
 * TwoPhaseStateLock, then each fpInfoLock in the order of the processes, then the partition locks in theirs.
 *     FinishPreparedTransaction takes partition locks with TwoPhaseStateLock held; FastPathTransferRelationLocks, FastPathGetRelationLockEntry
 *     and VirtualXactLock with one fpInfoLock held. Nobody waits for one of them the other way round, and nobody holds two fpInfoLocks.
 * Both readings take the same locks in shared mode again, which an LWLock allows: LWLockAttemptLock refuses shared mode only while somebody has
 *     the lock in exclusive mode, however many wait for that.
 *
 * What these locks do not guard may change meanwhile, and is compared with what it was before and after: the user and the xid of a process. And
 * PGPROC.lxid, which PostgreSQL's reading shows: it is set after the lock on the virtual transaction was taken, and cleared before that is
 * released. Ours shows whose lock that is, so PostgreSQL's is the same or 0.
 *
 * Then both read as users do, with nobody stopped: what was held or awaited before and after a reading of ours must be in it.
 */
#include LOCKS_C

#include "access/htup_details.h"
#include "access/transam.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "utils/backend_status.h"
#include "utils/builtins.h"

PG_MODULE_MAGIC;

/* What both readings tell of one lock of one process, or of one prepared transaction. */
typedef struct Entry
{
	int32		pid;
	int32		backend;
	uint32		kind;
	uint32		object;
	uint32		held;
	uint32		awaited;
	int32		leader;
	uint32		local;			/* last: PostgreSQL's may be 0 */
} Entry;

typedef struct Entries
{
	Entry	   *entries;
	Size		number;
} Entries;

/* What was reached: what a storm does not do, no proof has seen. In the order of the names below. */
enum
{
	FAST_PATH, FULL_GROUP, FAST_PATH_OF_WORKERS, VIRTUAL, MOVED_TO_TABLE, AWAITED, AWAITED_BY_WORKERS, WAITED_FOR, WORKERS, PREPARED, SUBTRANSACTIONS,
	ABORTING, NO_CLIENT, SESSION_LOCKS, ADVISORY, LASTED, LASTED_AWAITED, LASTED_OF_WORKERS, MOVED, FIGURES
};
static const char *const names[FIGURES] = {
	"fast-path locks", "a full group of fast-path locks", "fast-path locks of parallel workers", "virtual transactions", "weak locks in the table",
	"awaited locks", "locks awaited by parallel workers", "held locks that somebody waits for", "locks of parallel workers", "prepared transactions",
	"subtransactions with ids of their own", "aborts that have not released their locks", "processes without a user", "session locks of idle sessions",
	"advisory locks", "free reading: a lock that was held all the time", "free reading: one awaited all the time", "free reading: one of a parallel worker",
	"free reading: one that moved from the fast path"
};

typedef struct Proof
{
	int64		compared;
	int64		locks;
	int64		different;
	StringInfoData first;
	int64		figures[FIGURES];	/* in how many snapshots */
	bool		reached[FIGURES];	/* in this one */
} Proof;

/* What is not guarded by what stops everybody, of each process and prepared transaction. */
typedef struct Unguarded
{
	int32		pid;
	int32		leader;			/* guarded by the partition locks; here for convenience */
	Oid			user;
	TransactionId xid;
} Unguarded;

static uint32 everybody;

PG_FUNCTION_INFO_V1(prove_locks);

static Unguarded *
copy_unguarded(void)
{
	Unguarded  *copies = palloc(sizeof(Unguarded) * everybody);

	for (uint32 i = 0; i < everybody; i++)
	{
		volatile PGPROC *proc = &ProcGlobal->allProcs[i];
		PGPROC	   *leader = proc->lockGroupLeader;

		copies[i].pid = proc->pid;
		copies[i].leader = leader && leader != proc ? leader->pid : 0;
		copies[i].user = proc->roleId;
		copies[i].xid = proc->xid;
	}
	return copies;
}

static void
stop_everybody(void)
{
	LWLockAcquire(TwoPhaseStateLock, LW_SHARED);
	for (uint32 i = 0; i < ProcGlobal->allProcCount; i++)
		LWLockAcquire(&ProcGlobal->allProcs[i].fpInfoLock, LW_SHARED);
	for (int i = 0; i < NUM_LOCK_PARTITIONS; i++)
		LWLockAcquire(LockHashPartitionLockByIndex(i), LW_SHARED);
}

static void
let_go(void)
{
	for (int i = NUM_LOCK_PARTITIONS; --i >= 0;)
		LWLockRelease(LockHashPartitionLockByIndex(i));
	for (uint32 i = ProcGlobal->allProcCount; i-- > 0;)
		LWLockRelease(&ProcGlobal->allProcs[i].fpInfoLock);
	LWLockRelease(TwoPhaseStateLock);
}

static int
compare_entries(const void *left, const void *right)
{
	const int32 *a = left,
			   *b = right;

	for (Size i = 0; i < sizeof(Entry) / sizeof(int32); i++)
	{
		if (a[i] != b[i])
			return a[i] < b[i] ? -1 : 1;
	}
	return 0;
}

static Entries
sorted(Entries list)
{
	qsort(list.entries, list.number, sizeof(Entry), compare_entries);
	return list;
}

/* Which virtual transaction it is nobody asks, and our reading of the fast path does not tell. */
static uint32
object_of(uint32 kind, uint32 object)
{
	return kind == LOCKTAG_VIRTUALTRANSACTION ? 0 : object;
}

static Entries
of_ours(const RedshiftSessionsLocks *ours)
{
	Entries		result = {palloc(sizeof(Entry) * (ours->number + 1)), 0};
	const RedshiftSessionsLock *lock = ours->locks;

	for (Size i = 0; i < ours->holder_number; i++)
	{
		const RedshiftSessionsHolder *holder = &ours->holders[i];

		for (uint32 n = 0; n < holder->locks; n++, lock++)
			result.entries[result.number++] = (Entry) {
				holder->pid, holder->backend, lock->kind, object_of(lock->kind & ~IN_THE_WAY, lock->object), lock->held, lock->awaited, holder->leader, holder->local
			};
	}
	if (lock != ours->locks + ours->number)
		elog(ERROR, "the holders have %zu locks, of %zu", (Size) (lock - ours->locks), ours->number);
	return sorted(result);
}

#if PG_VERSION_NUM >= 170000
#define BACKEND(instance) ((instance)->vxid.procNumber)
#define LOCAL(instance) ((instance)->vxid.localTransactionId)
#else
#define BACKEND(instance) ((instance)->backend)
#define LOCAL(instance) ((instance)->lxid)
#endif

static bool
is_awaited(const LockData *theirs, const LOCKTAG *tag)
{
	for (int i = 0; i < theirs->nelements; i++)
	{
		const LockInstanceData *other = &theirs->locks[i];

		if (other->waitLockMode != NoLock && memcmp(&other->locktag, tag, sizeof(LOCKTAG)) == 0)
			return true;
	}
	return false;
}

/* PostgreSQL's reading in the same terms. It does not say whose worker has a fast-path lock. */
static Entry
of_instance(const LockInstanceData *instance, const Unguarded *known)
{
	const LOCKTAG *tag = &instance->locktag;
	Entry		entry = {
		instance->pid, BACKEND(instance), tag->locktag_type, 0, instance->holdMask, instance->waitLockMode, 0, LOCAL(instance)
	};

	entry.object = object_of(tag->locktag_type, tag->locktag_type == LOCKTAG_TRANSACTION ? tag->locktag_field1 : tag->locktag_field2);
	if (!instance->fastpath)
		entry.leader = instance->leaderPid == instance->pid ? 0 : instance->leaderPid;
	for (uint32 i = 0; instance->fastpath && i < ProcGlobal->allProcCount; i++)
	{
		if (known[i].pid == instance->pid)
			entry.leader = known[i].leader;
	}
	return entry;
}

/* All slots of it are in use: the next lock of this group goes to the table. */
static bool
has_full_group(const PGPROC *proc)
{
	const uint64 one_of_each = UINT64CONST(01111111111111111);

	for (int group = 0; group < GROUPS; group++)
	{
		uint64		bits = GROUP_BITS(proc, group);

		if (((bits | bits >> 1 | bits >> 2) & one_of_each) == one_of_each)
			return true;
	}
	return false;
}

/* Of the workload, only transactions that are rolled back take ExclusiveLock on tables. */
static void
count(Proof *proof, const LockInstanceData *instance, const LockInstanceData *previous, const Entry *entry, bool waited_for)
{
	const LOCKMASK weak = LOCKBIT_ON(AccessShareLock) | LOCKBIT_ON(RowShareLock) | LOCKBIT_ON(RowExclusiveLock);
	uint32		type = instance->locktag.locktag_type;
	bool		relation = type == LOCKTAG_RELATION;
	bool	   *reached = proof->reached;

	reached[FAST_PATH] |= instance->fastpath && relation;
	reached[FAST_PATH_OF_WORKERS] |= instance->fastpath && relation && entry->leader;
	reached[VIRTUAL] |= type == LOCKTAG_VIRTUALTRANSACTION;
	reached[MOVED_TO_TABLE] |= !instance->fastpath && relation && instance->holdMask && !(instance->holdMask & ~weak);
	reached[AWAITED] |= instance->waitLockMode != NoLock;
	reached[AWAITED_BY_WORKERS] |= instance->waitLockMode != NoLock && entry->leader;
	reached[WAITED_FOR] |= waited_for;
	reached[WORKERS] |= entry->leader != 0;
	reached[PREPARED] |= instance->pid == 0;
	reached[ABORTING] |= entry->pid && entry->local == 0 && relation && instance->holdMask & LOCKBIT_ON(ExclusiveLock);
	reached[SESSION_LOCKS] |= entry->pid && entry->local == 0 && type == LOCKTAG_ADVISORY;
	reached[ADVISORY] |= type == LOCKTAG_ADVISORY;
	reached[SUBTRANSACTIONS] |= previous && entry->kind == LOCKTAG_TRANSACTION && previous->holdMask & entry->held & LOCKBIT_ON(ExclusiveLock);
}

/* Another transaction id that the same process holds, among the locks before this one. */
static const LockInstanceData *
other_transaction(const LockData *theirs, int before)
{
	for (int i = 0; i < before && theirs->locks[before].locktag.locktag_type == LOCKTAG_TRANSACTION; i++)
	{
		if (theirs->locks[i].locktag.locktag_type == LOCKTAG_TRANSACTION && theirs->locks[i].pid == theirs->locks[before].pid && theirs->locks[i].pid)
			return &theirs->locks[i];
	}
	return NULL;
}

static Entries
of_theirs(const LockData *theirs, const Unguarded *known, Proof *proof)
{
	Entries		result = {palloc(sizeof(Entry) * (theirs->nelements + 1)), 0};
	bool		anybody_waits = false;

	for (int i = 0; i < theirs->nelements; i++)
		anybody_waits |= theirs->locks[i].waitLockMode != NoLock;
	for (int i = 0; i < theirs->nelements; i++)
	{
		const LockInstanceData *instance = &theirs->locks[i];
		Entry		entry = of_instance(instance, known);
		bool		waited_for = anybody_waits && entry.held && !instance->fastpath && is_awaited(theirs, &instance->locktag);

		count(proof, instance, other_transaction(theirs, i), &entry, waited_for);
		if (waited_for)
			entry.kind |= IN_THE_WAY;
		result.entries[result.number++] = entry;
	}
	return sorted(result);
}

static void
report(Proof *proof, const char *what, const Entry *entry)
{
	proof->different++;
	if (proof->first.len < 4000)
		appendStringInfo(&proof->first, "%s: pid %d (leader %d) backend %d local %u kind %u object %u held %x awaited %u; ", what, entry->pid, entry->leader,
						 entry->backend, entry->local, entry->kind, entry->object, entry->held, entry->awaited);
}

/* But for the local transaction, the same? Lists are sorted by that last. */
static int
compare_but_local(const Entry *a, const Entry *b)
{
	Entry		left = *a,
				right = *b;

	left.local = right.local = 0;
	return compare_entries(&left, &right);
}

/* Two lists of the same locks. PGPROC.lxid, if that is what they have, may have become 0 between them, or been 0. */
static void
compare(Proof *proof, const char *name, Entries ours, Entries theirs, bool ours_is_lxid, bool theirs_is_lxid)
{
	Size		i = 0,
				k = 0;

	while (i < ours.number || k < theirs.number)
	{
		int			order = i == ours.number ? 1 : k == theirs.number ? -1 : compare_but_local(&ours.entries[i], &theirs.entries[k]);

		if (order < 0)
			report(proof, psprintf("%s has more", name), &ours.entries[i++]);
		else if (order > 0)
			report(proof, psprintf("%s lacks", name), &theirs.entries[k++]);
		else
		{
			const Entry *our = &ours.entries[i];
			uint32		local = theirs.entries[k].local;

			if (our->local != local && !(our->pid != 0 && ((theirs_is_lxid && local == 0) || (ours_is_lxid && our->local == 0))))
				report(proof, psprintf("%s has another transaction than %u", name, local), our);
			i++;
			k++;
		}
	}
}

static const Unguarded *
find(const Unguarded *known, int32 pid)
{
	for (uint32 i = 0; pid && i < ProcGlobal->allProcCount; i++)
	{
		if (known[i].pid == pid)
			return &known[i];
	}
	return NULL;
}

/* Must a reading that wants no more have it? A prepared transaction's user is not in an entry: they are in the reading of everything. */
static bool
belongs(const Entry *entry, const RedshiftSessionsWanted *wanted, const Unguarded *before, const Unguarded *after, Entries all)
{
	const Unguarded *was = find(before, entry->pid),
			   *leader = find(before, entry->leader),
			   *is = find(after, entry->pid);

	if (!was || !is || was->user != is->user)
		return false;
	if (wanted->pid && entry->pid != wanted->pid && entry->leader != wanted->pid)
		return false;
	if (OidIsValid(wanted->user) && was->user != wanted->user && !(leader && leader->user == wanted->user))
		return false;
	if (wanted->waiting)
	{
		int32		head = entry->leader ? entry->leader : entry->pid;
		bool		waits = false;

		for (Size i = 0; i < all.number; i++)
			waits |= all.entries[i].awaited && (all.entries[i].pid == entry->pid || all.entries[i].leader == head || (entry->leader && all.entries[i].pid == head));
		return waits;
	}
	return true;
}

static Entries
only(Entries list, const RedshiftSessionsWanted *wanted, const Unguarded *before, const Unguarded *after, Entries all)
{
	Entries		result = {palloc(sizeof(Entry) * (list.number + 1)), 0};

	for (Size i = 0; i < list.number; i++)
	{
		if (belongs(&list.entries[i], wanted, before, after, all))
			result.entries[result.number++] = list.entries[i];
	}
	return result;
}

/* What an equal entry of `all` does not account for. */
static void
nothing_else(Proof *proof, const char *name, Entries part, Entries all)
{
	Size		k = 0;

	for (Size i = 0; i < part.number; i++)
	{
		while (k < all.number && compare_entries(&all.entries[k], &part.entries[i]) < 0)
			k++;
		if (k == all.number || compare_entries(&all.entries[k], &part.entries[i]) != 0)
			report(proof, psprintf("%s has more", name), &part.entries[i]);
		else
			k++;
	}
}

static void
check_holders(Proof *proof, const RedshiftSessionsLocks *ours, const Unguarded *before, const Unguarded *after)
{
	for (Size i = 0; i < ours->holder_number; i++)
	{
		const RedshiftSessionsHolder *holder = &ours->holders[i];
		const Unguarded *was = &before[holder->index],
				   *is = &after[holder->index];
		const PGPROC *proc = &ProcGlobal->allProcs[holder->index];

		if (holder->locks == 0 || holder->index >= everybody || holder->pid != is->pid ||
			(holder->user != was->user && holder->user != is->user) ||
			(holder->xid != was->xid && holder->xid != is->xid) ||
			(holder->pid != 0 && holder->local != proc->fpLocalTransactionId))
		{
			proof->different++;
			if (proof->first.len < 4000)
				appendStringInfo(&proof->first, "holder: pid %d index %u local %u user %u xid %u with %u locks; ", holder->pid, holder->index, holder->local,
								 holder->user, holder->xid, holder->locks);
		}
		proof->reached[NO_CLIENT] |= holder->pid != 0 && !OidIsValid(holder->user);
		/* On 18, PREPARE TRANSACTION leaves no slots behind: it clears the pointer to them. */
		proof->reached[FULL_GROUP] |= holder->pid != 0 && has_full_group(proc);
	}
}

static void
compare_stopped(Proof *proof)
{
	RedshiftSessionsWanted everything = {InvalidOid, 0, false},
				wanted = everything;
	RedshiftSessionsLocks ours,
				restricted,
				snapshot;
	LockData   *theirs;
	Unguarded  *before,
			   *after;
	Entries		all,
				expected,
				part;
	const char *name = "";

	stop_everybody();
	before = copy_unguarded();
	ours = redshift_sessions_lock_lists(&everything, NULL, NULL);
	theirs = GetLockStatusData();
	/* By turns: of one session, one user, or of those that wait. */
	if (ours.holder_number > 0)
	{
		const RedshiftSessionsHolder *one = &ours.holders[random() % ours.holder_number];

		switch (proof->compared % 3)
		{
			case 0:
				wanted.pid = one->leader ? one->leader : one->pid;
				name = "the reading of one session";
				break;
			case 1:
				wanted.user = one->user;
				name = "the reading of one user";
				break;
			default:
				wanted.waiting = true;
				name = "the reading of those that wait";
		}
	}
	restricted = redshift_sessions_lock_lists(&wanted, NULL, NULL);
	snapshot = redshift_sessions_lock_snapshot(false);
	after = copy_unguarded();
	check_holders(proof, &ours, before, after);
	let_go();

	all = of_ours(&ours);
	expected = of_theirs(theirs, after, proof);
	compare(proof, "the reading", all, expected, false, true);
	compare(proof, "the snapshot", of_ours(&snapshot), expected, true, true);
	part = of_ours(&restricted);
	nothing_else(proof, name, part, all);
	compare(proof, name, only(part, &wanted, before, after, all), only(all, &wanted, before, after, all), false, false);
	proof->compared++;
	proof->locks += theirs->nelements;
}

/* Is it in the list, with these modes and this leader? A lock that moves may be there twice. */
static bool
contains(Entries list, const Entry *wanted)
{
	uint32		held = 0;
	bool		awaited = wanted->awaited == NoLock;

	for (Size i = 0; i < list.number; i++)
	{
		const Entry *entry = &list.entries[i];

		if (entry->pid == wanted->pid && entry->local == wanted->local && (entry->kind & ~IN_THE_WAY) == wanted->kind && entry->object == wanted->object &&
			entry->leader == wanted->leader)
		{
			held |= entry->held;
			awaited |= entry->awaited == wanted->awaited;
		}
	}
	return awaited && (held & wanted->held) == wanted->held;
}

static const LockInstanceData *
same_instance(const LockData *data, const LockInstanceData *wanted)
{
	for (int i = 0; i < data->nelements; i++)
	{
		const LockInstanceData *instance = &data->locks[i];

		if (instance->pid == wanted->pid && BACKEND(instance) == BACKEND(wanted) && LOCAL(instance) == LOCAL(wanted) &&
			memcmp(&instance->locktag, &wanted->locktag, sizeof(LOCKTAG)) == 0)
			return instance;
	}
	return NULL;
}

/* As svv_transactions does, while nobody can take or release a lock. */
static void
look_at_sessions(void *argument)
{
	pgstat_clear_backend_activity_snapshot();
	pgstat_fetch_stat_numbackends();
}

/*
 * Nobody is stopped. A transaction that held a table before and after held it all the time: the workload takes none twice. Locks on catalogs
 * come and go within a transaction. A parallel worker has its leader for as long as it has locks.
 */
static void
compare_free(Proof *proof)
{
	RedshiftSessionsWanted everything = {InvalidOid, 0, false};
	RedshiftSessionsLocks ours;
	LockData   *before,
			   *after;
	Unguarded  *known;
	Entries		all;

	redshift_sessions_lock_lists(&everything, look_at_sessions, NULL);
	redshift_sessions_lock_snapshot(false);
	before = GetLockStatusData();
	known = copy_unguarded();
	ours = redshift_sessions_lock_lists(&everything, NULL, NULL);
	after = GetLockStatusData();
	all = of_ours(&ours);
	for (int i = 0; i < before->nelements; i++)
	{
		const LockInstanceData *was = &before->locks[i],
				   *is;
		Entry		entry;

		if (was->locktag.locktag_type != LOCKTAG_RELATION || was->locktag.locktag_field2 < FirstNormalObjectId || was->pid == 0 || LOCAL(was) == 0)
			continue;
		is = same_instance(after, was);
		if (!is)
			continue;
		entry = of_instance(was, known);
		entry.held &= is->holdMask;
		if (was->waitLockMode != is->waitLockMode || was->waitStart != is->waitStart || was->waitStart == 0)
			entry.awaited = NoLock;
		if (!entry.held && !entry.awaited)
			continue;
		proof->reached[LASTED] |= entry.held != 0;
		proof->reached[LASTED_AWAITED] |= entry.awaited != NoLock;
		proof->reached[LASTED_OF_WORKERS] |= entry.leader != 0;
		proof->reached[MOVED] |= was->fastpath && !is->fastpath;
		if (!contains(all, &entry))
			report(proof, "the free reading lacks", &entry);
	}
}

Datum
prove_locks(PG_FUNCTION_ARGS)
{
	int32		rounds = PG_GETARG_INT32(0),
				pause = PG_GETARG_INT32(1);
	Proof		proof = {0};
	TupleDesc	descriptor;
	StringInfoData reached;
	MemoryContext context,
				caller;
	Datum		values[5];
	bool		nulls[5] = {false};

	/* They, the partitions, and what both readings take again: lwlock.c's MAX_SIMUL_LWLOCKS is 200. */
	if (ProcGlobal->allProcCount > 200 - 2 * NUM_LOCK_PARTITIONS - 4)
		elog(ERROR, "a server for %u processes is too large: nobody can hold so many locks at once", ProcGlobal->allProcCount);
	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "prove_locks gives a row");
	everybody = ProcGlobal->allProcCount + max_prepared_xacts;
	initStringInfo(&proof.first);
	context = AllocSetContextCreate(CurrentMemoryContext, "prove_locks", ALLOCSET_DEFAULT_SIZES);
	for (int32 round = 0; round < rounds; round++)
	{
		CHECK_FOR_INTERRUPTS();
		caller = MemoryContextSwitchTo(context);
		compare_stopped(&proof);
		compare_free(&proof);
		for (int i = 0; i < FIGURES; i++)
			proof.figures[i] += proof.reached[i];
		memset(proof.reached, 0, sizeof(proof.reached));
		MemoryContextSwitchTo(caller);
		MemoryContextReset(context);
		/* Others must get on, and to another state. */
		if (pause > 0)
			pg_usleep(random() % pause);
	}

	initStringInfo(&reached);
	for (int i = 0; i < FIGURES; i++)
		appendStringInfo(&reached, "%s\"%s\": " INT64_FORMAT, i == 0 ? "{" : ", ", names[i], proof.figures[i]);
	appendStringInfoChar(&reached, '}');
	values[0] = Int64GetDatum(proof.compared);
	values[1] = Int64GetDatum(proof.locks);
	values[2] = Int64GetDatum(proof.different);
	values[3] = CStringGetTextDatum(proof.first.data);
	values[4] = CStringGetTextDatum(reached.data);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls)));
}

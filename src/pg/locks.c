/*
 * Copies who holds and awaits which locks, in one of two ways.
 *
 * redshift_sessions_lock_lists() follows each backend's own lists of locks. PostgreSQL's
 * GetLockStatusData() (lock.c) walks through its hash table instead, which has room for all locks
 * that could be, and copies four times as much per lock.
 * redshift_sessions_lock_snapshot() takes PostgreSQL's own copy: for servers on which the first way
 * has not been proved (see compat.rs).
 *
 * What is read here belongs to other processes. What guards each field, in PostgreSQL 14 to 19
 * alike unless said otherwise:
 *
 * PGPROC.fpRelId, fpLockBits, fpVXIDLock, fpLocalTransactionId
 *     fpInfoLock of that PGPROC (proc.h). They are written with it held in exclusive mode, by the
 *     backend itself and by whoever moves its fast-path locks to the table (lock.c:
 *     FastPathTransferRelationLocks, VirtualXactLock). fpLocalTransactionId is read a second time
 *     without the lock, as one aligned word, to see whether the transaction is still the same.
 * PGPROC.myProcLocks[i], PROCLOCK.procLink, PROCLOCK.holdMask, LOCK.nRequested, LOCK.nGranted
 *     the lock of partition i, which protects "all the LOCK objects of that partition as well as
 *     their subsidiary PROCLOCKs", and the list i of each PGPROC (lmgr/README). The lists are made
 *     once, when the server starts (proc.c: InitProcGlobal, since 19 ProcGlobalShmemInit), and
 *     never again for a process that can have a lock.
 *     Prepared transactions are the exception. PREPARE TRANSACTION clears the whole PGPROC of one
 *     and makes its lists anew (twophase.c: MarkAsPreparingGuts). In between they lead nowhere. It
 *     holds TwoPhaseStateLock in exclusive mode meanwhile, and no partition lock. So those PGPROCs
 *     are read with TwoPhaseStateLock held in shared mode. The partition locks are held as well,
 *     because under them the locks of prepared transactions come (lock.c: PostPrepare_Locks) and go
 *     (LockRefindAndRelease).
 *     Order: TwoPhaseStateLock before the partition locks, as in FinishPreparedTransaction, which
 *     holds TwoPhaseStateLock while it releases the locks of a prepared transaction. Nobody takes
 *     them the other way round.
 * PGPROC.waitLock, waitLockMode, links (waitLink since 19), LOCK.waitProcs
 *     the partition lock of the awaited lock (proc.c: ProcSleep, since 18 JoinWaitQueue, and
 *     ProcWakeup; lock.c: RemoveFromWaitQueue).
 * PGPROC.waitStart
 *     no lock: it is atomic, and 0 for a moment after the wait has begun (proc.c: ProcSleep).
 * PGPROC.lockGroupLeader
 *     the partition lock of the leader (proc.c: BecomeLockGroupMember, ProcKill). A parallel worker
 *     sets it before it takes its first lock, and keeps it until it has none. So it is set wherever
 *     we have found a lock of the worker's, under the LWLock that guards that one.
 * PGPROC.pid, roleId, databaseId, xid, and backendId, or vxid.procNumber since 17
 *     no lock: each is one aligned word, which PostgreSQL reads like that, too (GetLockStatusData,
 *     BackendPidGetProc). The process writes pid and number before it takes its first lock, and
 *     role and database while it logs in. xid is written when it is assigned, and again at the end
 *     of the transaction, before the locks are released; then by another process if several end
 *     together (procarray.c: ProcArrayGroupClearXid). TwoPhaseStateLock guards those of prepared
 *     transactions, see above.
 */
#include "postgres.h"

#include "access/twophase.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#if PG_VERSION_NUM < 170000
#include "storage/sinvaladt.h"
#endif
#include "utils/hsearch.h"
#include "utils/memutils.h"

/* Which locks are enough; the copy may have more. The same struct as Wanted in locks.rs. */
typedef struct RedshiftSessionsWanted
{
	Oid			user;			/* who logged in; InvalidOid for everybody */
	int			pid;			/* 0 for all */
	bool		waiting;		/* only those that wait for a lock */
	bool		contenders;		/* also who contends for what; not with the others */
} RedshiftSessionsWanted;

/*
 * A process or a prepared transaction that has locks. The same struct as Holder in locks.rs.
 * The lists give a process one for its fast-path locks and another for the rest; the snapshot gives
 * one for each lock.
 *
 * `local` is the transaction whose virtual transaction lock it holds, or 0. For a prepared
 * transaction it is what it was. From the snapshot it is what PGPROC says, or that of the virtual
 * transaction lock if PGPROC says 0; 0 if the process has gone.
 */
typedef struct RedshiftSessionsHolder
{
	uint32		index;			/* in ProcGlobal->allProcs */
	int32		backend;		/* its number */
	uint32		local;			/* its local transaction, see above */
	uint32		now;			/* the same when it was looked at again */
	int32		pid;			/* 0 for a prepared transaction */
	int32		leader;			/* of a parallel worker; 0 for others */
	TransactionId xid;			/* of its transaction, if it has one and has not ended; 0 from the snapshot */
	Oid			user;
	Oid			database;
	uint32		locks;			/* how many, in the order of the holders */
} RedshiftSessionsHolder;

/*
 * What is needed of a LockInstanceData, in a small part of its size: there may be millions. The
 * same struct as Entry in locks.rs.
 */
typedef struct RedshiftSessionsLock
{
	uint32		object;			/* the transaction, or the relation if the kind has one */
	uint16		held;			/* LOCKBIT_ON of each mode */
	uint8		awaited;		/* a mode, or 0 */
	uint8		kind;			/* LockTagType, and IN_THE_WAY */
} RedshiftSessionsLock;

/* It is held, and somebody waits for the same object. */
#define IN_THE_WAY 0x80

/*
 * Somebody who awaits a lock, or who holds one on an object for which somebody waits. The same
 * struct as Contender in locks.rs. Who holds one mode and awaits another is there twice.
 * Those who await the same object come in the order of its queue. PostgreSQL's own copy does not
 * tell that order: there it is the order in which they began to wait.
 */
typedef struct RedshiftSessionsContender
{
	RedshiftSessionsHolder who;	/* without `locks` */
	LOCKTAG		tag;
	uint32		held;			/* LOCKBIT_ON of each mode; 0 for who waits */
	int32		awaited;		/* a mode, or 0 */
	int64		since;			/* when the wait began; 0 if that is not known yet */
} RedshiftSessionsContender;

/* A few hundred microseconds of work. The same number as in transactions/snapshot.rs. */
#define LOCKS_BETWEEN_INTERRUPTS (16 * 1024)

/* The same struct as Entries in locks.rs. */
typedef struct RedshiftSessionsLocks
{
	RedshiftSessionsHolder *holders;
	Size		holder_number;
	Size		holder_room;
	RedshiftSessionsLock *locks;
	Size		number;
	Size		room;
	RedshiftSessionsContender *contenders;
	Size		contender_number;
	Size		contender_room;
} RedshiftSessionsLocks;

/* NULL, or called while nobody can take or release a lock of the main table. */
typedef void (*RedshiftSessionsMeanwhile) (void *argument);

RedshiftSessionsLocks redshift_sessions_lock_lists(const RedshiftSessionsWanted *wanted, RedshiftSessionsMeanwhile meanwhile, void *argument);
RedshiftSessionsLocks redshift_sessions_lock_snapshot(bool contenders);
void		redshift_sessions_look_again(RedshiftSessionsHolder *holders, Size number);

#if PG_VERSION_NUM >= 170000
#define BACKEND_OF(proc) ((proc)->vxid.procNumber)
#define LOCAL_OF(proc) ((proc)->vxid.lxid)
#else
#define BACKEND_OF(proc) ((proc)->backendId)
#define LOCAL_OF(proc) ((proc)->lxid)
#endif

/* The process of a node in a wait queue. Before 16 it is the node's first field. */
#if PG_VERSION_NUM >= 190000
#define WAITER(node) dlist_container(PGPROC, waitLink, node)
#elif PG_VERSION_NUM >= 160000
#define WAITER(node) dlist_container(PGPROC, links, node)
#endif

/* How lock.c packs the modes of fast-path locks. 18 has groups of slots. */
#define MODE_BITS 3
#define FIRST_MODE 1
#if PG_VERSION_NUM >= 180000
#define GROUPS FastPathLockGroupsPerBackend
#define SLOTS_PER_GROUP FP_LOCK_SLOTS_PER_GROUP
#define GROUP_BITS(proc, group) ((proc)->fpLockBits[group])
#else
#define GROUPS 1
#define SLOTS_PER_GROUP FP_LOCK_SLOTS_PER_BACKEND
#define GROUP_BITS(proc, group) ((proc)->fpLockBits)
#endif

static void
begin(RedshiftSessionsLocks *result)
{
	result->holder_room = 256;
	result->holders = palloc(sizeof(RedshiftSessionsHolder) * result->holder_room);
	result->holder_number = 0;
	result->room = 1024;
	result->locks = palloc(sizeof(RedshiftSessionsLock) * result->room);
	result->number = 0;
	result->contender_room = 16;
	result->contenders = palloc(sizeof(RedshiftSessionsContender) * result->contender_room);
	result->contender_number = 0;
}

/*
 * The leader of a parallel worker, NULL for others. Read once: without the partition locks the
 * field may become NULL at any moment.
 */
static const PGPROC *
leader_of(const PGPROC *proc)
{
	const PGPROC *leader = *(PGPROC *const volatile *) &proc->lockGroupLeader;

	return leader == proc ? NULL : leader;
}

static bool
is_wanted(const PGPROC *proc, const RedshiftSessionsWanted *wanted)
{
	const PGPROC *leader = leader_of(proc);

	/* A parallel worker's locks belong to its leader's transaction. */
	return (!OidIsValid(wanted->user) || proc->roleId == wanted->user || (leader && leader->roleId == wanted->user)) &&
		(wanted->pid == 0 || proc->pid == wanted->pid || (leader && leader->pid == wanted->pid)) &&
		(!wanted->waiting || proc->waitLock || proc->lockGroupLeader);	/* a waiting worker's transaction is its leader's */
}

static RedshiftSessionsHolder *
append_holder(RedshiftSessionsLocks *result)
{
	RedshiftSessionsHolder *holder;

	if (result->holder_number == result->holder_room)
	{
		result->holder_room *= 2;
		result->holders = repalloc_huge(result->holders, sizeof(RedshiftSessionsHolder) * result->holder_room);
	}
	holder = &result->holders[result->holder_number++];
	memset(holder, 0, sizeof(*holder));
	return holder;
}

static void
fill_holder(RedshiftSessionsHolder *holder, const PGPROC *proc)
{
	const PGPROC *leader = leader_of(proc);

	holder->index = proc - ProcGlobal->allProcs;
	holder->backend = BACKEND_OF(proc);
	holder->local = proc->pid == 0 ? LOCAL_OF(proc) : proc->fpLocalTransactionId;
	holder->pid = proc->pid;
	holder->leader = leader ? leader->pid : 0;
	holder->xid = proc->xid;
	holder->user = proc->roleId;
	holder->database = proc->databaseId;
}

/* Appends the holder of all locks after the first `before`, if there are any. */
static void
append_process(RedshiftSessionsLocks *result, const PGPROC *proc, Size before)
{
	RedshiftSessionsHolder *holder;

	if (result->number == before)
		return;
	holder = append_holder(result);
	fill_holder(holder, proc);
	holder->locks = result->number - before;
}

static RedshiftSessionsContender *
append_contender(RedshiftSessionsLocks *result, const LOCKTAG *tag)
{
	RedshiftSessionsContender *contender;

	if (result->contender_number == result->contender_room)
	{
		result->contender_room *= 2;
		result->contenders = repalloc_huge(result->contenders, sizeof(RedshiftSessionsContender) * result->contender_room);
	}
	contender = &result->contenders[result->contender_number++];
	memset(contender, 0, sizeof(*contender));
	contender->tag = *tag;
	return contender;
}

static void
append_waiter(RedshiftSessionsLocks *result, const LOCK *object, PGPROC *proc)
{
	RedshiftSessionsContender *contender = append_contender(result, &object->tag);

	fill_holder(&contender->who, proc);
	contender->awaited = proc->waitLockMode;
	contender->since = pg_atomic_read_u64(&proc->waitStart);
}

/* Everybody in the queue, if this is the first of them: so each queue is walked once. */
static void
append_queue(RedshiftSessionsLocks *result, LOCK *object, const PGPROC *first)
{
#if PG_VERSION_NUM >= 160000
	dlist_iter	iter;

	if (WAITER(dclist_head_node(&object->waitProcs)) != first)
		return;
	dclist_foreach(iter, &object->waitProcs)
		append_waiter(result, object, WAITER(iter.cur));
#else
	PGPROC	   *proc = (PGPROC *) object->waitProcs.links.next;

	if (proc != first)
		return;
	for (int i = 0; i < object->waitProcs.size; i++, proc = (PGPROC *) proc->links.next)
		append_waiter(result, object, proc);
#endif
}

static void
append_contenders(RedshiftSessionsLocks *result, const PGPROC *proc, const PROCLOCK *proclock)
{
	LOCK	   *object = proclock->tag.myLock;

	if (proc->waitLock == object)
		append_queue(result, object, proc);
	if (proclock->holdMask && object->nRequested > object->nGranted)
	{
		RedshiftSessionsContender *contender = append_contender(result, &object->tag);

		fill_holder(&contender->who, proc);
		contender->held = proclock->holdMask;
	}
}

static RedshiftSessionsLock *
append_lock(RedshiftSessionsLocks *result, int kind)
{
	RedshiftSessionsLock *lock;

	if (result->number == result->room)
	{
		result->room *= 2;
		result->locks = repalloc_huge(result->locks, sizeof(RedshiftSessionsLock) * result->room);
	}
	lock = &result->locks[result->number++];
	lock->object = 0;
	lock->held = 0;
	lock->awaited = NoLock;
	lock->kind = kind;
	return lock;
}

static RedshiftSessionsLock *
append_tagged(RedshiftSessionsLocks *result, const LOCKTAG *tag)
{
	RedshiftSessionsLock *lock = append_lock(result, tag->locktag_type);

	lock->object = tag->locktag_type == LOCKTAG_TRANSACTION ? tag->locktag_field1 : tag->locktag_field2;
	return lock;
}

static void
append_fast_path(RedshiftSessionsLocks *result, const PGPROC *proc)
{
	for (int group = 0; group < GROUPS; group++)
	{
		uint64		bits = GROUP_BITS(proc, group);

		for (int slot = group * SLOTS_PER_GROUP; bits; bits >>= MODE_BITS, slot++)
		{
			LOCKMASK	modes = bits & ((1 << MODE_BITS) - 1);

			if (modes)
			{
				RedshiftSessionsLock *lock = append_lock(result, LOCKTAG_RELATION);

				lock->object = proc->fpRelId[slot];
				lock->held = modes << FIRST_MODE;
			}
		}
	}
	if (proc->fpVXIDLock)
		append_lock(result, LOCKTAG_VIRTUALTRANSACTION)->held = LOCKBIT_ON(ExclusiveLock);
}

static void
append_table(RedshiftSessionsLocks *result, const PGPROC *proc, const PROCLOCK *proclock)
{
	const LOCK *object = proclock->tag.myLock;
	RedshiftSessionsLock *lock = append_tagged(result, &object->tag);

	lock->held = proclock->holdMask;
	if (proc->waitLock == object)
		lock->awaited = proc->waitLockMode;
	if (lock->held && object->nRequested > object->nGranted)
		lock->kind |= IN_THE_WAY;
}

static void
append_proclock(RedshiftSessionsLocks *result, const PGPROC *proc, const PROCLOCK *proclock, bool contenders)
{
	append_table(result, proc, proclock);
	if (contenders)
		append_contenders(result, proc, proclock);
}

static void
append_partition(RedshiftSessionsLocks *result, PGPROC *proc, int partition, bool contenders)
{
#if PG_VERSION_NUM >= 160000
	dlist_iter	iter;

	dlist_foreach(iter, &proc->myProcLocks[partition])
		append_proclock(result, proc, dlist_container(PROCLOCK, procLink, iter.cur), contenders);
#else
	SHM_QUEUE  *queue = &proc->myProcLocks[partition];
	PROCLOCK   *proclock = (PROCLOCK *) SHMQueueNext(queue, queue, offsetof(PROCLOCK, procLink));

	for (; proclock; proclock = (PROCLOCK *) SHMQueueNext(queue, &proclock->procLink, offsetof(PROCLOCK, procLink)))
		append_proclock(result, proc, proclock, contenders);
#endif
}

/* In partition order, like everybody who takes more than one (lmgr/README). */
static void
acquire_partitions(void)
{
	for (int partition = 0; partition < NUM_LOCK_PARTITIONS; partition++)
		LWLockAcquire(LockHashPartitionLockByIndex(partition), LW_SHARED);
}

static void
release_partitions(void)
{
	for (int partition = NUM_LOCK_PARTITIONS; --partition >= 0;)
		LWLockRelease(LockHashPartitionLockByIndex(partition));
}

RedshiftSessionsLocks
redshift_sessions_lock_lists(const RedshiftSessionsWanted *wanted, RedshiftSessionsMeanwhile meanwhile, void *argument)
{
	RedshiftSessionsLocks result;
	bool		prepared = max_prepared_xacts > 0 && wanted->pid == 0 && !wanted->waiting;
	uint32		number = ProcGlobal->allProcCount;

	begin(&result);

	/* One backend after the other, as GetLockStatusData does: fast-path locks never conflict. */
	for (uint32 i = 0; i < number; i++)
	{
		PGPROC	   *proc = &ProcGlobal->allProcs[i];
		Size		before = result.number;

		/* Most PGPROCs are free, and in 18 each may have thousands of slots. */
		if (proc->pid == 0 || !is_wanted(proc, wanted))
			continue;
		LWLockAcquire(&proc->fpInfoLock, LW_SHARED);
		append_fast_path(&result, proc);
		append_process(&result, proc, before);
		LWLockRelease(&proc->fpInfoLock);
	}

	/* The rest as of one moment. Prepared transactions follow the processes, and are not counted. */
	if (prepared)
	{
		LWLockAcquire(TwoPhaseStateLock, LW_SHARED);
		number += max_prepared_xacts;
	}
	acquire_partitions();
	for (uint32 i = 0; i < number; i++)
	{
		PGPROC	   *proc = &ProcGlobal->allProcs[i];
		Size		before = result.number;

		if (!is_wanted(proc, wanted))
			continue;
		for (int partition = 0; partition < NUM_LOCK_PARTITIONS; partition++)
			append_partition(&result, proc, partition, wanted->contenders);
		append_process(&result, proc, before);
	}
	if (meanwhile)
		meanwhile(argument);
	release_partitions();
	if (prepared)
		LWLockRelease(TwoPhaseStateLock);
	return result;
}

/*
 * Whoever holds a lock in the table on what somebody awaits is in the way. Nobody waits for a
 * fast-path lock. There may be one on a relation for which somebody waits, though: LockReleaseAll
 * and AbortStrongLockAcquire open the fast path before they bring the table up to date.
 */
static void
mark_what_is_in_the_way(RedshiftSessionsLocks *result, const LockData *data)
{
	HASHCTL		control = {.keysize = sizeof(LOCKTAG), .entrysize = sizeof(LOCKTAG), .hcxt = CurrentMemoryContext};
	HTAB	   *awaited = NULL;

	for (int i = 0; i < data->nelements; i++)
	{
		if (data->locks[i].waitLockMode == NoLock)
			continue;
		if (!awaited)
			awaited = hash_create("redshift_sessions awaited locks", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
		hash_search(awaited, &data->locks[i].locktag, HASH_ENTER, NULL);
	}
	for (int i = 0; awaited && i < data->nelements; i++)
	{
		if (i % LOCKS_BETWEEN_INTERRUPTS == 0)
			CHECK_FOR_INTERRUPTS();
		if (data->locks[i].holdMask && !data->locks[i].fastpath && hash_search(awaited, &data->locks[i].locktag, HASH_FIND, NULL))
			result->locks[i].kind |= IN_THE_WAY;
	}
}

/*
 * The PGPROC of a backend number. Each is looked up once: before 17 that takes SInvalWriteLock, and
 * there may be a million locks.
 */
static PGPROC *
process_by_number(int backend, PGPROC **known)
{
	if (backend < 0 || backend > (int) ProcGlobal->allProcCount)
		return NULL;
	if (!known[backend])
#if PG_VERSION_NUM >= 170000
		known[backend] = ProcNumberGetProc(backend);
#else
		known[backend] = BackendIdGetProc(backend);
#endif
	return known[backend];
}

/*
 * Which virtual transaction lock each backend number holds, 0 for none. That of the startup
 * process, which holds a standby's locks, is in no PGPROC (standby.c:
 * InitRecoveryTransactionEnvironment).
 */
static LocalTransactionId *
virtual_transaction_locks(const LockData *data)
{
	LocalTransactionId *held = palloc0(sizeof(LocalTransactionId) * (ProcGlobal->allProcCount + 1));

	for (int i = 0; i < data->nelements; i++)
	{
		const LOCKTAG *tag = &data->locks[i].locktag;

		if (tag->locktag_type == LOCKTAG_VIRTUALTRANSACTION && data->locks[i].holdMask & LOCKBIT_ON(ExclusiveLock) &&
			tag->locktag_field1 <= ProcGlobal->allProcCount)
			held[tag->locktag_field1] = tag->locktag_field2;
	}
	return held;
}

/* A prepared transaction has no process to ask, but its xid is among its locks. */
static void
append_instance(RedshiftSessionsLocks *result, const LockInstanceData *instance, PGPROC **known,
				const LocalTransactionId *virtual_transactions)
{
	RedshiftSessionsLock *lock = append_tagged(result, &instance->locktag);
	RedshiftSessionsHolder *holder = append_holder(result);
	PGPROC	   *proc;

	lock->held = instance->holdMask;
	lock->awaited = instance->waitLockMode;
#if PG_VERSION_NUM >= 170000
	holder->backend = instance->vxid.procNumber;
	holder->local = instance->vxid.localTransactionId;
#else
	holder->backend = instance->backend;
	holder->local = instance->lxid;
#endif
	holder->pid = instance->pid;
	holder->leader = instance->leaderPid == instance->pid ? 0 : instance->leaderPid;
	holder->locks = 1;
	if (instance->pid == 0)
		return;
	proc = process_by_number(holder->backend, known);
	if (!proc || proc->pid != holder->pid)
		holder->local = 0;		/* it has gone */
	else
	{
		const PGPROC *leader = leader_of(proc);

		if (holder->local == 0)
			holder->local = virtual_transactions[holder->backend];
		holder->index = proc - ProcGlobal->allProcs;
		holder->user = proc->roleId;
		holder->database = proc->databaseId;
		/* For a fast-path lock PostgreSQL does not name the worker's leader. */
		if (instance->fastpath && leader)
			holder->leader = leader->pid;
	}
}

/* Those that have waited longest first; a wait that has only begun may not tell since when. */
static int
by_start(const void *a, const void *b)
{
	int64		first = ((const RedshiftSessionsContender *) a)->since;
	int64		second = ((const RedshiftSessionsContender *) b)->since;

	if ((first == 0) != (second == 0))
		return first == 0 ? 1 : -1;
	return first < second ? -1 : first > second;
}

/* Each instance has the holder of the same number. */
static void
append_instances_in_contention(RedshiftSessionsLocks *result, const LockData *data)
{
	for (int i = 0; i < data->nelements; i++)
	{
		const LockInstanceData *instance = &data->locks[i];
		RedshiftSessionsContender *contender;

		if (result->locks[i].kind & IN_THE_WAY)
		{
			contender = append_contender(result, &instance->locktag);
			contender->who = result->holders[i];
			contender->held = instance->holdMask;
		}
		if (instance->waitLockMode != NoLock)
		{
			contender = append_contender(result, &instance->locktag);
			contender->who = result->holders[i];
			contender->awaited = instance->waitLockMode;
			contender->since = instance->waitStart;
		}
	}
	qsort(result->contenders, result->contender_number, sizeof(RedshiftSessionsContender), by_start);
}

/*
 * This cannot keep anybody from taking or releasing locks, because it must not call
 * GetLockStatusData() with the partition locks held. GetLockStatusData() takes each fpInfoLock
 * before the partition locks, and so do those who move fast-path locks to the table: they take a
 * partition lock with an fpInfoLock held. We would wait for their fpInfoLock, and they for our
 * partition locks.
 */
RedshiftSessionsLocks
redshift_sessions_lock_snapshot(bool contenders)
{
	RedshiftSessionsLocks result;
	LockData   *data;
	PGPROC	  **known;
	LocalTransactionId *virtual_transactions;

	begin(&result);
	data = GetLockStatusData();
	virtual_transactions = virtual_transaction_locks(data);
	known = palloc0(sizeof(PGPROC *) * (ProcGlobal->allProcCount + 1));
	for (int i = 0; i < data->nelements; i++)
	{
		if (i % LOCKS_BETWEEN_INTERRUPTS == 0)
			CHECK_FOR_INTERRUPTS();
		append_instance(&result, &data->locks[i], known, virtual_transactions);
	}
	mark_what_is_in_the_way(&result, data);
	if (contenders)
		append_instances_in_contention(&result, data);
	return result;
}

void
redshift_sessions_look_again(RedshiftSessionsHolder *holders, Size number)
{
	for (Size i = 0; i < number; i++)
		holders[i].now = ((volatile PGPROC *) &ProcGlobal->allProcs[holders[i].index])->fpLocalTransactionId;
}

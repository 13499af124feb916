/*
 * Which locks do backends hold and await? As PostgreSQL's GetLockStatusData (lock.c), in the same order and under the same locks. But that
 * walks through the hash table, with all of its empty places; this follows each backend's own list of locks, which is several times
 * faster, and reads no more than what belongs to the backends that are asked for. A backend that only may be meant is copied too:
 * transactions.rs decides which rows are shown.
 */
#include "postgres.h"

#include "access/twophase.h"
#include "storage/lock.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "utils/memutils.h"

/* As in locks.rs. */
typedef struct RedshiftSessionsWanted
{
	Oid			user;			/* who logged in; InvalidOid for everybody */
	int			pid;			/* 0 for all */
	bool		waiting;		/* only those that wait for a lock */
} RedshiftSessionsWanted;

/* What is needed of a LockInstanceData, in less than a third of its size: there may be millions. As in locks.rs. */
typedef struct RedshiftSessionsLock
{
	int32		backend;		/* its number, and that of its local transaction */
	uint32		local;
	int32		pid;			/* 0 for a prepared transaction */
	uint32		object;			/* the transaction, or the relation if the kind has one */
	uint16		held;			/* LOCKBIT_ON of each mode */
	uint8		awaited;		/* a mode, or 0 */
	uint8		kind;			/* LockTagType */
} RedshiftSessionsLock;

typedef struct RedshiftSessionsLocks
{
	RedshiftSessionsLock *locks;
	Size		number;
	Size		room;
} RedshiftSessionsLocks;

RedshiftSessionsLocks redshift_sessions_locks_of(const RedshiftSessionsWanted *wanted);

/* How lock.c packs the modes of fast-path locks. */
#define MODE_BITS 3
#define FIRST_MODE 1
#if PG_VERSION_NUM >= 180000
#define SLOTS FastPathLockSlotsPerBackend()
#define SLOT_BITS(proc, slot) \
	((proc)->fpLockBits[(slot) / FP_LOCK_SLOTS_PER_GROUP] >> MODE_BITS * ((slot) % FP_LOCK_SLOTS_PER_GROUP))
#else
#define SLOTS FP_LOCK_SLOTS_PER_BACKEND
#define SLOT_BITS(proc, slot) ((proc)->fpLockBits >> MODE_BITS * (slot))
#endif

/* A parallel worker's locks belong to its leader's transaction. */
static bool
is_wanted(const PGPROC *proc, const RedshiftSessionsWanted *wanted)
{
	const PGPROC *leader = proc->lockGroupLeader;

	return (!OidIsValid(wanted->user) || proc->roleId == wanted->user || (leader && leader->roleId == wanted->user)) &&
		(wanted->pid == 0 || proc->pid == wanted->pid || (leader && leader->pid == wanted->pid)) &&
		(!wanted->waiting || proc->waitLock || leader);
}

static RedshiftSessionsLock *
append(RedshiftSessionsLocks *result, const PGPROC *proc)
{
	RedshiftSessionsLock *lock;

	if (result->number == result->room)
	{
		result->room *= 2;
		result->locks = repalloc_huge(result->locks, sizeof(RedshiftSessionsLock) * result->room);
	}
	lock = &result->locks[result->number++];
#if PG_VERSION_NUM >= 170000
	lock->backend = proc->vxid.procNumber;
	lock->local = proc->vxid.lxid;
#else
	lock->backend = proc->backendId;
	lock->local = proc->lxid;
#endif
	lock->pid = proc->pid;
	lock->object = 0;
	lock->awaited = NoLock;
	return lock;
}

static void
append_fast_path(RedshiftSessionsLocks *result, const PGPROC *proc)
{
	RedshiftSessionsLock *lock;

	for (int slot = 0; slot < SLOTS; slot++)
	{
		LOCKMASK	modes = SLOT_BITS(proc, slot) & ((1 << MODE_BITS) - 1);

		if (modes)
		{
			lock = append(result, proc);
			lock->kind = LOCKTAG_RELATION;
			lock->object = proc->fpRelId[slot];
			lock->held = modes << FIRST_MODE;
		}
	}
	if (proc->fpVXIDLock)
	{
		lock = append(result, proc);
		lock->kind = LOCKTAG_VIRTUALTRANSACTION;
		lock->held = LOCKBIT_ON(ExclusiveLock);
	}
}

static void
append_lock(RedshiftSessionsLocks *result, const PGPROC *proc, const PROCLOCK *proclock)
{
	RedshiftSessionsLock *lock = append(result, proc);
	const LOCKTAG *tag = &proclock->tag.myLock->tag;

	lock->kind = tag->locktag_type;
	lock->object = tag->locktag_type == LOCKTAG_TRANSACTION ? tag->locktag_field1 : tag->locktag_field2;
	lock->held = proclock->holdMask;
	if (proc->waitLock == proclock->tag.myLock)
		lock->awaited = proc->waitLockMode;
}

static void
append_partition(RedshiftSessionsLocks *result, PGPROC *proc, int partition)
{
#if PG_VERSION_NUM >= 160000
	dlist_iter	iter;

	dlist_foreach(iter, &proc->myProcLocks[partition])
		append_lock(result, proc, dlist_container(PROCLOCK, procLink, iter.cur));
#else
	SHM_QUEUE  *queue = &proc->myProcLocks[partition];
	PROCLOCK   *proclock = (PROCLOCK *) SHMQueueNext(queue, queue, offsetof(PROCLOCK, procLink));

	for (; proclock; proclock = (PROCLOCK *) SHMQueueNext(queue, &proclock->procLink, offsetof(PROCLOCK, procLink)))
		append_lock(result, proc, proclock);
#endif
}

RedshiftSessionsLocks
redshift_sessions_locks_of(const RedshiftSessionsWanted *wanted)
{
	RedshiftSessionsLocks result = {NULL, 0, 256};

	result.locks = palloc(sizeof(RedshiftSessionsLock) * result.room);

	/* One backend after the other: none of these locks can be in the way of another one. Prepared transactions have none. */
	for (uint32 i = 0; i < ProcGlobal->allProcCount; i++)
	{
		PGPROC	   *proc = &ProcGlobal->allProcs[i];

		if (is_wanted(proc, wanted))
		{
			LWLockAcquire(&proc->fpInfoLock, LW_SHARED);
			append_fast_path(&result, proc);
			LWLockRelease(&proc->fpInfoLock);
		}
	}

	/* The rest as of one moment: all partitions, in their order, and released in reverse. */
	for (int partition = 0; partition < NUM_LOCK_PARTITIONS; partition++)
		LWLockAcquire(LockHashPartitionLockByIndex(partition), LW_SHARED);
	/* Those of prepared transactions are behind the others, and not counted. */
	for (uint32 i = 0; i < ProcGlobal->allProcCount + max_prepared_xacts; i++)
	{
		PGPROC	   *proc = &ProcGlobal->allProcs[i];

		if (is_wanted(proc, wanted))
			for (int partition = 0; partition < NUM_LOCK_PARTITIONS; partition++)
				append_partition(&result, proc, partition);
	}
	for (int partition = NUM_LOCK_PARTITIONS; --partition >= 0;)
		LWLockRelease(LockHashPartitionLockByIndex(partition));
	return result;
}

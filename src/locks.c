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

LockData   *redshift_sessions_locks_of(const RedshiftSessionsWanted *wanted);

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

static LockInstanceData *
append(LockData *data, int *room, PGPROC *proc)
{
	LockInstanceData *instance;

	if (data->nelements == *room)
	{
		*room *= 2;
		data->locks = repalloc_huge(data->locks, sizeof(LockInstanceData) * *room);
	}
	instance = &data->locks[data->nelements++];
	memset(instance, 0, sizeof(LockInstanceData));
#if PG_VERSION_NUM >= 170000
	instance->vxid.procNumber = proc->vxid.procNumber;
	instance->vxid.localTransactionId = proc->vxid.lxid;
#else
	instance->backend = proc->backendId;
	instance->lxid = proc->lxid;
#endif
	instance->pid = proc->pid;
	return instance;
}

static void
append_fast_path(LockData *data, int *room, PGPROC *proc)
{
	LockInstanceData *instance;

	for (int slot = 0; slot < SLOTS; slot++)
	{
		LOCKMASK	modes = SLOT_BITS(proc, slot) & ((1 << MODE_BITS) - 1);

		if (modes)
		{
			instance = append(data, room, proc);
			SET_LOCKTAG_RELATION(instance->locktag, proc->databaseId, proc->fpRelId[slot]);
			instance->holdMask = modes << FIRST_MODE;
		}
	}
	if (proc->fpVXIDLock)
	{
		VirtualTransactionId vxid;

#if PG_VERSION_NUM >= 170000
		vxid.procNumber = proc->vxid.procNumber;
#else
		vxid.backendId = proc->backendId;
#endif
		vxid.localTransactionId = proc->fpLocalTransactionId;
		instance = append(data, room, proc);
		SET_LOCKTAG_VIRTUALTRANSACTION(instance->locktag, vxid);
		instance->holdMask = LOCKBIT_ON(ExclusiveLock);
	}
}

static void
append_lock(LockData *data, int *room, PGPROC *proc, const PROCLOCK *proclock)
{
	LockInstanceData *instance = append(data, room, proc);

	instance->locktag = proclock->tag.myLock->tag;
	instance->holdMask = proclock->holdMask;
	instance->waitLockMode = proc->waitLock == proclock->tag.myLock ? proc->waitLockMode : NoLock;
}

static void
append_partition(LockData *data, int *room, PGPROC *proc, int partition)
{
#if PG_VERSION_NUM >= 160000
	dlist_iter	iter;

	dlist_foreach(iter, &proc->myProcLocks[partition])
		append_lock(data, room, proc, dlist_container(PROCLOCK, procLink, iter.cur));
#else
	SHM_QUEUE  *queue = &proc->myProcLocks[partition];
	PROCLOCK   *proclock = (PROCLOCK *) SHMQueueNext(queue, queue, offsetof(PROCLOCK, procLink));

	for (; proclock; proclock = (PROCLOCK *) SHMQueueNext(queue, &proclock->procLink, offsetof(PROCLOCK, procLink)))
		append_lock(data, room, proc, proclock);
#endif
}

LockData *
redshift_sessions_locks_of(const RedshiftSessionsWanted *wanted)
{
	int			room = 64;
	LockData   *data = palloc(sizeof(LockData));

	data->nelements = 0;
	data->locks = palloc(sizeof(LockInstanceData) * room);

	/* One backend after the other: none of these locks can be in the way of another one. Prepared transactions have none. */
	for (uint32 i = 0; i < ProcGlobal->allProcCount; i++)
	{
		PGPROC	   *proc = &ProcGlobal->allProcs[i];

		if (is_wanted(proc, wanted))
		{
			LWLockAcquire(&proc->fpInfoLock, LW_SHARED);
			append_fast_path(data, &room, proc);
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
				append_partition(data, &room, proc, partition);
	}
	for (int partition = NUM_LOCK_PARTITIONS; --partition >= 0;)
		LWLockRelease(LockHashPartitionLockByIndex(partition));
	return data;
}

"""Ways to break src/pg/locks.c, one at a time: what the proof must find."""

# What is broken: what is in the file, once, and what comes in its place.
MUTANTS = {
    "prepared transactions are skipped": ("number += max_prepared_xacts;", ";"),
    "a partition is skipped": ("partition = 0; partition < NUM_LOCK_PARTITIONS; partition++)\n\t\t\tappend_partition", "partition = 1; partition < NUM_LOCK_PARTITIONS; partition++)\n\t\t\tappend_partition"),
    "what moved from the fast path is dropped": (
        "\tlock->held = proclock->holdMask;",
        "\tif (lock->kind == LOCKTAG_RELATION && proclock->holdMask && !(proclock->holdMask >> (RowExclusiveLock + 1)))\n\t{\n\t\tresult->number--;\n\t\treturn;\n\t}\n"
        "\tlock->held = proclock->holdMask;",
    ),
    "awaited locks are forgotten": ("lock->awaited = proc->waitLockMode;", ";"),
    "a worker's leader is forgotten": ("holder->leader = leader ? leader->pid : 0;", "holder->leader = leader ? 0 : 0;"),
    "who is in the way is forgotten": ("lock->kind |= IN_THE_WAY;", ";"),
    "virtual transactions are forgotten": ("if (proc->fpVXIDLock)", "if (false)"),
    "a group of slots ends at the first empty one": ("bits; bits >>= MODE_BITS, slot++)", "bits & 7; bits >>= MODE_BITS, slot++)"),
    "one session is read without its workers": ("|| (leader && leader->pid == wanted->pid)", ""),
    "who waits is read without its leader": ("|| proc->waitLock || proc->lockGroupLeader)", "|| proc->waitLock)"),
    "the transaction is PostgreSQL's, which is over too early": ("proc->pid == 0 ? LOCAL_OF(proc) : proc->fpLocalTransactionId", "LOCAL_OF(proc)"),
    "who is in the way of PostgreSQL's reading is forgotten": ("result->locks[i].kind |= IN_THE_WAY;", ";"),
    # Not a line, but the order: what moves from the fast path meanwhile is in neither.
    "the table is read before the fast path": None,
    # Last, for nobody goes on then.
    "PostgreSQL's reading holds the partition locks": ("\tdata = GetLockStatusData();\n", "\tacquire_partitions();\n\tdata = GetLockStatusData();\n\trelease_partitions();\n"),
}


def mutant(source, name):
    """The text of locks.c with that mistake."""
    if MUTANTS[name] is None:
        first = source.index("\t/* One backend after the other")
        then = source.index("\t/* The rest as of one moment", first)
        end = source.index("\treturn result;", then)
        return source[:first] + source[then:end] + source[first:then].replace("uint32 i = 0; i < number", "uint32 i = 0; i < ProcGlobal->allProcCount") + source[end:]
    before, after = MUTANTS[name]
    assert source.count(before) == 1, "%r is in locks.c %d times: the list of mutants has to follow it" % (before, source.count(before))
    return source.replace(before, after)

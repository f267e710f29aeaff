"""
The draw itself (JIDRAW/1), pure: what the agencies agree on, the ceremony, the outcome, the record. No clock, no
randomness, no I/O, no signing: those come in from ``commands.py``.

How to use it, in the order of a draw::

    openings  = roster.enrol(h, [Enrolled(staff_number, salt, Officer(labels, cap, base_load)) …])
    summary   = roster.summarise(h, rho, Roster(officers, recused), openings[1])        per agency → terms.rosters
    file      = frame.serialise(shard, {id: Kind(stratum, lines)})                      one per shard
    census    = frame.survey(h, {shard: frame.rows_of(file)}, watch=feasibility.recused_entities(rosters.values()))
    manifest  = drafting.draft(Terms(…), census)                                        refuses by section 4
    remarks   = manifest_rules.said_aloud(manifest)
    short     = feasibility.report(manifest, census, rosters);  feasibility.refuse_if_short(short)

    attempt   = Attempt(manifest, verify)          verify(alg, key_hex, message, signature) → bool
    z         = messages.chain(h, x, manifest.chain_len)                                s_a = z[0]
    c         = messages.commitment(h, attempt.digest, agency, z[0])
    sign        messages.commit_message(h, attempt.digest, agency, c)
    check       ceremony.accept_commit(attempt, commits, agency, Commit(c, sig), at)
    sign        messages.countersign_message(h, attempt.digest, attempt.commits_digest(commits))
    check       ceremony.accept_countersignature(attempt, commits, given, agency, sig)
    sign        messages.reveal_message(h, attempt.digest, attempt.commits_digest(commits), agency, z[0])
    check       ceremony.accept_reveal(attempt, commits, countersignatures, reveals, agency, Reveal(z[0], sig), at, sealed)
    sign        messages.seal_message(h, attempt.digest, CD, attempt.reveals_digest(commits, reveals), at)
    check       ceremony.accept_seal(attempt, commits, reveals, Seal(RD, at, Signatures(witness=sig)), already)
    sign        messages.dice_message(h, attempt.digest, CD, seal.digest, digits)
    check       ceremony.accept_dice(attempt, commits, seal, shown, BeaconShown(BeaconValue(…), Signatures(…)), at)

    announced = sources.announce(chosen, told, beacon_time)                             before that: Terms.beacons
    value     = sources.read_value(announced[n], typed)                                 what somebody typed or pasted
    check       ceremony.accept_beacon(attempt, commits, seal, shown, BeaconShown(…), at, verify_drand) → proved or not
    at any time ceremony.ending(attempt, commits, countersignatures, reveals, sealed, at) → Ending | None
    witness     faults.accept_manifest(shown, manifest), faults.omitted_reveal(…), faults.second_seal(…) → Fault | None

    seed      = attempt.seed(commits, reveals, beacons)
    result    = outcome.compute(manifest, {shard: rows}, seed, rosters)                 result.as_json()
    proof     = visits.prove_visit(h, seed, result.visits, entity)                      what a visited firm gets
    proof     = entity_proof.prove_entity(manifest, {shard: rows}, [Drawing(0, seed, …)], entity)    for anybody, later

and of a replacement round (section 11), which is signed, revealed, sealed and thrown like the draw itself:

    standing  = result.standing(manifest.times.beacon_time, rosters)                    what stands before round 1
    one       = rounds.open_round(attempt, commits, standing, number, Request(…), before)
    check       rounds.accept_signature(one, given, who, sig)                           over messages.removal_message
    check       rounds.accept_reveal(one, signatures, reveals, agency, Reveal(z[number], sig), at, sealed)
    check       rounds.accept_seal(one, signatures, reveals, seal, already);  rounds.accept_beacon(one, seal, shown, new, at)
    at any time rounds.ending(one, signatures, reveals, sealed, at) → Ending | None     then the number is spent
    done      = replacing.replace(manifest, {shard: rows}, census, standing, request, one.seed(reveals, shown), rosters)
    standing  = done.after                                                              for round number + 1

    said      = Proceedings(…, rounds=(ClosedRound(…, done), …), spent=(SpentRound(…), …))
    document  = record.full_record(attempt, said, result, {agency: Opening(rho, roster)})
    document  = record.public_record(attempt, said, result)
    bytes     = record.to_bytes(document);  disclosure.at_once(document)                what leaves before the window closes
    checked   = record_rules.check(record_reader.read_record(canonical.parse(bytes)), Outside(frame_of, verify, verify_drand))

``h`` is ``manifest.h`` or ``encoding.hash_named(name)``. Documents from outside are read by ``canonical.parse`` and
then ``manifest_reader.read_manifest``, ``roster.read_roster`` or ``record_reader.read_record``. Every refusal is a
``refusals.DrawRefused`` or ``DrawUnreadable`` with ``code`` and ``says``, the names of its facts;
``refusals.all_refusals()`` lists them, and ``refusals.REMARKS`` the codes of what is said without refusing. A staged draw
(分段式) takes its frame from ``staged.frame_of_targets`` and is held to its parent by ``staged.check_parent``.
"""

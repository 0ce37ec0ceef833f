package dev.gambit.engine.internal.model;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;

/**
 * Whose turn it is to use a model, and steps of several sequences in one pass over its weights. There is no thread for it:
 * the thread whose turn it is takes all steps that wait (flat combining), runs them and wakes their threads.
 *
 * <p>There are two queues, each first come, first served: <em>steps</em>, which can share a pass, and everything else (a
 * part of a prompt, closing), for which a thread has the model to itself. While both have somebody waiting, jobs have a tenth
 * of a second, or one of them if that takes longer, between two passes: a generation is held up by that much at a time, and of
 * prompts that come at once the last does not wait for a pass after each of the others.
 *
 * <p>Sequences that were in a pass come back within moments, one after the other. Were the first one to start at once, it
 * would run alone while the others wait, and weights would be read twice a token. So a pass waits a little for those that are
 * expected: at most {@link #PATIENCE} of what the last pass took, and not for those that came later than that the last time.
 */
public final class Turns {

    /** The part of a pass's time that the next one waits for sequences that are expected. */
    private static final int PATIENCE = 3;
    private static final long LEAST_PATIENCE = 200_000;
    private static final long MOST_PATIENCE = 20_000_000;

    /** Since the last pass's end, as long as jobs go first. */
    private static final long JOBS_NANOS = 100_000_000;

    private final ReentrantLock lock = new ReentrantLock();
    private final Deque<Step> steps = new ArrayDeque<>();
    private final Deque<Job> jobs = new ArrayDeque<>();
    private final Set<Member> expected = new HashSet<>();
    private final int most;
    private final Consumer<List<Step>> pass;
    private final long jobsNanos;

    /** Whether somebody has the model, or it has been promised to somebody who is about to wake up. */
    private boolean busy;
    /** Who has it to itself; null during a pass. */
    private Thread owner;
    private int depth;
    /** Who waits for others before it starts a pass. */
    private Step gathering;
    private boolean lastWasJob;
    private long lastPass = System.nanoTime();
    private long patience = LEAST_PATIENCE;
    private long passes;
    private long stepsRun;

    private static final class Job {
        final Condition wake;
        final Thread thread = Thread.currentThread();
        boolean granted;

        Job(Condition wake) {
            this.wake = wake;
        }
    }

    /**
     * @param most steps a pass takes at most
     * @param pass runs steps; notes failures in them and throws nothing
     */
    public Turns(int most, Consumer<List<Step>> pass) {
        this(most, pass, JOBS_NANOS);
    }

    /** With another time for jobs; 0 for one between two passes. */
    Turns(int most, Consumer<List<Step>> pass, long jobsNanos) {
        this.most = most;
        this.pass = pass;
        this.jobsNanos = jobsNanos;
    }

    /** Waits for the model and has it alone until {@link #leave}; a thread that has it already goes on. */
    public void enter() {
        Thread me = Thread.currentThread();
        lock.lock();
        try {
            if (owner == me) {
                depth++;
                return;
            }
            if (busy) {
                Job job = new Job(lock.newCondition());
                jobs.add(job);
                while (!job.granted) {
                    job.wake.awaitUninterruptibly();
                }
            }
            busy = true;
            owner = me;
            depth = 1;
        } finally {
            lock.unlock();
        }
    }

    /** Lets the next one have the model. */
    public void leave() {
        lock.lock();
        try {
            if (owner != Thread.currentThread()) {
                throw new IllegalStateException("leave without enter");
            }
            if (--depth == 0) {
                owner = null;
                lastWasJob = true;
                passOn();
            }
        } finally {
            lock.unlock();
        }
    }

    /** Returns whether others wait for the model or are about to. */
    public boolean isContended() {
        lock.lock();
        try {
            return !steps.isEmpty() || !jobs.isEmpty() || !expected.isEmpty();
        } finally {
            lock.unlock();
        }
    }

    /** Returns the number of passes so far. */
    public long passes() {
        lock.lock();
        try {
            return passes;
        } finally {
            lock.unlock();
        }
    }

    /** Returns the number of steps that were in them. */
    public long steps() {
        lock.lock();
        try {
            return stepsRun;
        } finally {
            lock.unlock();
        }
    }

    /**
     * Has a step run, together with what else waits, by this thread or another, and returns when it is done.
     *
     * @return false where it was withdrawn before it began
     * @throws RuntimeException what went wrong with it
     */
    public boolean step(Step step) {
        lock.lock();
        try {
            if (owner == Thread.currentThread()) {
                run(List.of(step)); // from a listener: nobody else can be in between
                step.rethrow();
                return true;
            }
            arrive(step);
            if (!busy) {
                busy = true;
                step.leads = true;
            }
            step.wake = lock.newCondition();
            while (!step.done && !step.leads && !step.withdrawn) {
                step.wake.awaitUninterruptibly();
            }
            if (step.leads) {
                lead(step);
            }
            step.member().step = null;
        } finally {
            lock.unlock();
        }
        if (step.withdrawn) {
            return false;
        }
        step.rethrow();
        return true;
    }

    private void arrive(Step step) {
        Member m = step.member();
        m.late = m.since == 0 || System.nanoTime() - m.since > patience;
        m.step = step;
        unexpect(m);
        steps.add(step);
        if (gathering != null && steps.size() >= most) {
            gathering.wake.signal();
        }
    }

    private void unexpect(Member m) {
        if (m.expected) {
            m.expected = false;
            expected.remove(m);
            if (gathering != null && expected.isEmpty()) {
                gathering.wake.signal();
            }
        }
    }

    /** Waits for those that are expected, then runs what waits; the lock is held. */
    private void lead(Step first) {
        gather(first);
        if (first.withdrawn) {
            passOn();
            return;
        }
        List<Step> taken = new ArrayList<>(Math.min(most, steps.size()));
        while (taken.size() < most && !steps.isEmpty()) {
            Step s = steps.poll();
            s.taken = true;
            taken.add(s);
        }
        long start = System.nanoTime();
        lock.unlock();
        try {
            run(taken);
        } finally {
            lock.lock();
            finish(taken, start);
            lastWasJob = false;
            lastPass = System.nanoTime();
            passOn();
        }
    }

    private void run(List<Step> taken) {
        try {
            pass.accept(taken);
        } catch (Throwable e) {
            taken.forEach(s -> s.fail(e)); // thrown by each step's own thread
        }
    }

    private void finish(List<Step> taken, long start) {
        long now = System.nanoTime();
        passes++;
        stepsRun += taken.size();
        patience = Math.clamp((now - start) / PATIENCE, LEAST_PATIENCE, MOST_PATIENCE);
        for (Step s : taken) {
            Member m = s.member();
            m.since = now;
            // Nobody is waited for where passes are not shared.
            if (!m.late && most > 1) {
                m.expected = true;
                expected.add(m);
            }
            s.done = true;
            s.wake.signal();
        }
    }

    private void gather(Step first) {
        long end = System.nanoTime() + patience;
        boolean interrupted = false;
        gathering = first;
        try {
            // Others that need the model to themselves are let in first: those that are expected gather meanwhile.
            while (!first.withdrawn && steps.size() < most && !expected.isEmpty() && jobs.isEmpty()) {
                long left = end - System.nanoTime();
                if (left <= 0) {
                    break;
                }
                try {
                    first.wake.awaitNanos(left);
                } catch (InterruptedException e) {
                    interrupted = true;
                    break;
                }
            }
        } finally {
            gathering = null;
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
        if (steps.size() < most) {
            for (Member m : expected) {
                m.expected = false;
            }
            expected.clear();
        }
    }

    /** Gives the model to whoever is next; the lock is held. */
    private void passOn() {
        boolean jobsTurn = !lastWasJob || System.nanoTime() - lastPass < jobsNanos;
        if (!jobs.isEmpty() && (steps.isEmpty() || jobsTurn)) {
            Job job = jobs.poll();
            job.granted = true;
            owner = job.thread;
            job.wake.signal();
        } else if (!steps.isEmpty()) {
            Step next = steps.peek();
            next.leads = true;
            next.wake.signal();
        } else {
            busy = false;
        }
    }

    /** Says that a sequence has no next step for now, so that nobody waits for it. */
    public void absent(Member member) {
        lock.lock();
        try {
            unexpect(member);
            member.late = true;
            member.since = 0;
        } finally {
            lock.unlock();
        }
    }

    /** Takes a sequence's step back where it has not begun; its thread goes on at once. */
    public void withdraw(Member member) {
        lock.lock();
        try {
            unexpect(member);
            Step s = member.step;
            if (s != null && !s.taken && !s.done) {
                steps.remove(s);
                s.withdrawn = true;
                s.wake.signal();
            }
        } finally {
            lock.unlock();
        }
    }
}

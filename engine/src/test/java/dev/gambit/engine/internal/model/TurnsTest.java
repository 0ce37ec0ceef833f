package dev.gambit.engine.internal.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Who gets a model when, with passes that only note who was in them. */
@Timeout(60)
class TurnsTest {

    private static Step step(Member member, Runnable check) {
        return new Step(member, null, null, null, check);
    }

    private static Step step(Member member) {
        return step(member, () -> {});
    }

    /** Holds the model until told otherwise. */
    private static final class Holder implements AutoCloseable {
        private final CountDownLatch has = new CountDownLatch(1);
        private final CountDownLatch go = new CountDownLatch(1);

        Holder(Turns turns) throws InterruptedException {
            Thread thread = new Thread(() -> {
                turns.enter();
                has.countDown();
                try {
                    go.await();
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
                turns.leave();
            });
            thread.start();
            has.await();
        }

        @Override
        public void close() {
            go.countDown();
        }
    }

    private static void await(Thread thread) throws InterruptedException {
        while (thread.getState() != Thread.State.WAITING) {
            Thread.sleep(1);
        }
    }

    @Test
    @SuppressWarnings("try") // the holder does its work by being open
    void whatWaitsIsOnePassInOrder() throws Exception {
        List<List<Step>> passes = new CopyOnWriteArrayList<>();
        Turns turns = new Turns(3, s -> passes.add(List.copyOf(s)));
        List<Step> steps = new ArrayList<>();
        List<Thread> threads = new ArrayList<>();
        try (Holder holder = new Holder(turns)) {
            for (int i = 0; i < 5; i++) {
                Step s = step(new Member());
                steps.add(s);
                Thread t = new Thread(() -> turns.step(s));
                t.start();
                threads.add(t);
                await(t);
            }
            assertTrue(turns.isContended());
        }
        for (Thread t : threads) {
            t.join();
        }
        assertEquals(List.of(steps.subList(0, 3), steps.subList(3, 5)), passes);
        assertEquals(2, turns.passes());
        assertEquals(5, turns.steps());
    }

    /** A pass, a job, a pass, a job: neither waits for more than one of the other once the jobs' time is over. */
    @Test
    void passesAndJobsAlternate() throws Exception {
        assertEquals(List.of("pass", "job", "pass", "job", "pass", "job"), order(0));
    }

    @Test
    void shortJobsGoFirst() throws Exception {
        assertEquals(List.of("job", "job", "job", "pass", "pass", "pass"), order(60_000_000_000L));
    }

    @SuppressWarnings("try") // the holder does its work by being open
    private static List<String> order(long jobsNanos) throws InterruptedException {
        List<String> order = new CopyOnWriteArrayList<>();
        Turns turns = new Turns(1, s -> order.add("pass"), jobsNanos);
        List<Thread> threads = new ArrayList<>();
        try (Holder holder = new Holder(turns)) {
            for (int i = 0; i < 6; i++) {
                boolean job = i < 3;
                Thread t = new Thread(() -> {
                    if (job) {
                        turns.enter();
                        turns.enter(); // again, by the same thread
                        turns.leave();
                        order.add("job");
                        turns.leave();
                    } else {
                        turns.step(step(new Member()));
                    }
                });
                t.start();
                threads.add(t);
                await(t);
            }
        }
        for (Thread t : threads) {
            t.join();
        }
        return order;
    }

    @Test
    @SuppressWarnings("try") // the holder does its work by being open
    void aWithdrawnStepIsNotRun() throws Exception {
        List<Step> run = new CopyOnWriteArrayList<>();
        Turns turns = new Turns(4, run::addAll);
        Member member = new Member();
        AtomicBoolean result = new AtomicBoolean(true);
        Thread t = new Thread(() -> result.set(turns.step(step(member))));
        try (Holder holder = new Holder(turns)) {
            t.start();
            await(t);
            turns.withdraw(member);
            t.join(); // while the model is still taken
            assertFalse(result.get());
        }
        turns.withdraw(member);
        assertTrue(turns.step(step(member)));
        assertEquals(1, run.size());
    }

    @Test
    void aFailureIsItsOwners() {
        Turns turns = new Turns(4, steps -> steps.forEach(s -> {
            if (!s.isRunnable()) {
                return;
            }
            if (s.batch() == null && s.logits() != null) {
                s.fail(new IllegalArgumentException("pass"));
            }
        }));
        assertThrows(IllegalStateException.class, () -> turns.step(step(new Member(), () -> {
            throw new IllegalStateException("check");
        })));
        Step bad = new Step(new Member(), null, new float[1], null, () -> {});
        assertThrows(IllegalArgumentException.class, () -> turns.step(bad));
        assertTrue(turns.step(step(new Member())));
        Turns broken = new Turns(4, steps -> {
            throw new StackOverflowError("all");
        });
        assertThrows(StackOverflowError.class, () -> broken.step(step(new Member())));
        assertThrows(IllegalStateException.class, broken::leave);
        broken.enter();
        broken.leave();
    }

    /** Many threads, steps and jobs, withdrawals, late ones and interrupts: nothing is lost, nothing overlaps. */
    @Test
    void nothingIsLost() throws Exception {
        AtomicInteger inside = new AtomicInteger();
        AtomicInteger run = new AtomicInteger();
        Turns turns = new Turns(5, steps -> {
            assertEquals(1, inside.incrementAndGet());
            assertTrue(steps.size() <= 5 && !steps.isEmpty());
            run.addAndGet(steps.size());
            inside.decrementAndGet();
        });
        List<Callable<Integer>> tasks = new ArrayList<>();
        Member[] members = new Member[12];
        for (int i = 0; i < members.length; i++) {
            members[i] = new Member();
            int seed = i;
            tasks.add(() -> {
                SplittableRandom random = new SplittableRandom(seed);
                int done = 0;
                for (int k = 0; k < 400; k++) {
                    switch (random.nextInt(12)) {
                        case 0 -> {
                            turns.enter();
                            assertEquals(1, inside.incrementAndGet());
                            inside.decrementAndGet();
                            turns.leave();
                        }
                        case 1 -> turns.withdraw(members[random.nextInt(members.length)]);
                        case 2 -> turns.absent(members[seed]);
                        case 3 -> Thread.currentThread().interrupt();
                        default -> done += turns.step(step(members[seed])) ? 1 : 0;
                    }
                }
                return done;
            });
        }
        int done = 0;
        try (ExecutorService threads = Executors.newFixedThreadPool(members.length)) {
            for (Future<Integer> f : tasks.stream().map(threads::submit).toList()) {
                done += f.get();
            }
        }
        assertEquals(run.get(), done);
    }

    /** Who was in a pass and comes back at once is waited for, so that passes do not fall apart. */
    @Test
    void passesStayTogether() throws Exception {
        Turns turns = new Turns(8, steps -> {
            try {
                Thread.sleep(30);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
        try (ExecutorService threads = Executors.newFixedThreadPool(8)) {
            List<Future<?>> all = new ArrayList<>();
            for (int i = 0; i < 8; i++) {
                Member member = new Member();
                all.add(threads.submit(() -> {
                    for (int k = 0; k < 30; k++) {
                        turns.step(step(member));
                    }
                    turns.absent(member);
                }));
            }
            for (Future<?> f : all) {
                f.get();
            }
        }
        double shared = (double) turns.steps() / turns.passes();
        assertTrue(shared > 5, "steps a pass: " + shared);
    }
}

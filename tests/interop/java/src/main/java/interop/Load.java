package interop;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/** Makes calls at a steady rate, whatever becomes of them. */
final class Load {
  private final List<CompletableFuture<Outcome>> calls = new ArrayList<>();
  private final ScheduledExecutorService timer =
      Executors.newSingleThreadScheduledExecutor(
          run -> {
            Thread thread = new Thread(run, "load");
            thread.setDaemon(true); // the end of the input ends the program
            return thread;
          });

  Load(Echo echo, long qps, long timeoutMillis) {
    timer.scheduleAtFixedRate(
        () -> calls.add(echo.start(timeoutMillis, false)),
        0,
        TimeUnit.SECONDS.toMicros(1) / qps,
        TimeUnit.MICROSECONDS);
  }

  /** Ends the load and waits for its last call. */
  List<Outcome> stop() throws InterruptedException {
    timer.shutdown();
    if (!timer.awaitTermination(10, TimeUnit.SECONDS)) {
      throw new IllegalStateException("the load does not end");
    }
    return new ArrayList<>(calls.stream().map(CompletableFuture::join).toList());
  }
}

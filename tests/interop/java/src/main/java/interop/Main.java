package interop;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.NameResolverRegistry;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** The grpc-java client: told what to call as kit/client.py says. */
public final class Main {
  // Messages name arrows and quotes; they are for reading, not for a web page.
  private static final Gson GSON = new GsonBuilder().disableHtmlEscaping().create();

  public static void main(String[] args) throws Exception {
    Map<String, String> flags = flags(args);
    NameResolverRegistry.getDefaultRegistry().register(new ServerDns());
    ManagedChannel channel = channel(flags);
    try {
      obey(new Echo(channel, Path.of(flags.get("descriptors"))));
    } finally {
      channel.shutdownNow().awaitTermination(10, TimeUnit.SECONDS);
    }
  }

  private static Map<String, String> flags(String[] args) {
    Map<String, String> flags = new HashMap<>();
    for (String arg : args) {
      String[] nameAndValue = arg.substring("--".length()).split("=", 2);
      flags.put(nameAndValue[0], nameAndValue[1]);
    }
    return flags;
  }

  private static ManagedChannel channel(Map<String, String> flags) {
    // The fallback timeout is part of the service config.
    Map<String, ?> serviceConfig = GSON.fromJson(flags.get("service-config"), Map.class);
    var builder =
        Grpc.newChannelBuilder(flags.get("target"), InsecureChannelCredentials.create())
            .defaultServiceConfig(serviceConfig);
    long idle = Long.parseLong(flags.get("idle-timeout-ms"));
    if (idle > 0) {
      builder.idleTimeout(idle, TimeUnit.MILLISECONDS);
    }
    return builder.build();
  }

  private static void obey(Echo echo) throws Exception {
    var commands = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    Load load = null;
    for (String line = commands.readLine(); line != null; line = commands.readLine()) {
      String[] words = line.split(" ");
      List<Outcome> outcomes = new ArrayList<>();
      switch (words[0]) {
        case "call" -> {
          for (int i = Integer.parseInt(words[1]); i > 0; i--) {
            outcomes.add(echo.start(Long.parseLong(words[2]), words[3].equals("wait")).get());
          }
        }
        case "load" -> load = new Load(echo, Long.parseLong(words[1]), Long.parseLong(words[2]));
        case "stop" -> outcomes = load.stop();
        default -> throw new IllegalArgumentException("unknown command " + line);
      }
      System.out.println(GSON.toJson(outcomes));
    }
  }
}

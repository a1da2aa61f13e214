package interop;

import io.grpc.Attributes;
import io.grpc.EquivalentAddressGroup;
import io.grpc.NameResolver;
import io.grpc.Status;
import io.grpc.StatusOr;
import io.grpc.grpclb.GrpclbConstants;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import javax.naming.Context;
import javax.naming.NamingException;
import javax.naming.directory.Attribute;
import javax.naming.directory.InitialDirContext;

/** Asks one DNS server for a host's addresses and its balancers. */
final class ServerDnsResolver extends NameResolver {
  private final String server;
  private final String host;
  private final int port;
  private final Args args;
  private Listener2 listener;

  ServerDnsResolver(String server, String host, int port, Args args) {
    this.server = server;
    this.host = host;
    this.port = port;
    this.args = args;
  }

  @Override
  public String getServiceAuthority() {
    return host + ":" + port;
  }

  @Override
  public void start(Listener2 listener) {
    this.listener = listener;
    refresh();
  }

  @Override
  public void refresh() {
    args.getOffloadExecutor()
        .execute(
            () -> {
              ResolutionResult result = resolve();
              args.getSynchronizationContext().execute(() -> listener.onResult2(result));
            });
  }

  @Override
  public void shutdown() {
    // Nothing is kept open.
  }

  private ResolutionResult resolve() {
    try {
      List<EquivalentAddressGroup> backends = new ArrayList<>();
      for (String address : query(host, "A")) {
        backends.add(new EquivalentAddressGroup(socket(address, port)));
      }
      return ResolutionResult.newBuilder()
          .setAddressesOrError(StatusOr.fromValue(backends))
          .setAttributes(
              Attributes.newBuilder().set(GrpclbConstants.ATTR_LB_ADDRS, balancers()).build())
          .build();
    } catch (NamingException | UnknownHostException error) {
      Status status = Status.UNAVAILABLE.withDescription("resolving " + host).withCause(error);
      return ResolutionResult.newBuilder()
          .setAddressesOrError(StatusOr.fromStatus(status))
          .build();
    }
  }

  private List<EquivalentAddressGroup> balancers() throws NamingException, UnknownHostException {
    List<EquivalentAddressGroup> balancers = new ArrayList<>();
    for (String record : query("_grpclb._tcp." + host, "SRV")) {
      // "priority weight port target."
      String[] fields = record.split(" ");
      String target = fields[3].substring(0, fields[3].length() - 1);
      for (String address : query(target, "A")) {
        balancers.add(
            new EquivalentAddressGroup(
                socket(address, Integer.parseInt(fields[2])),
                Attributes.newBuilder()
                    .set(GrpclbConstants.ATTR_LB_ADDR_AUTHORITY, target)
                    .build()));
      }
    }
    return balancers;
  }

  private static InetSocketAddress socket(String address, int port) throws UnknownHostException {
    return new InetSocketAddress(InetAddress.getByName(address), port);
  }

  private List<String> query(String name, String type) throws NamingException {
    Properties environment = new Properties();
    environment.put(Context.INITIAL_CONTEXT_FACTORY, "com.sun.jndi.dns.DnsContextFactory");
    environment.put(Context.PROVIDER_URL, "dns://" + server);
    var context = new InitialDirContext(environment);
    try {
      Attribute found = context.getAttributes(name, new String[] {type}).get(type);
      List<String> records = new ArrayList<>();
      for (int i = 0; found != null && i < found.size(); i++) {
        records.add((String) found.get(i));
      }
      return records;
    } finally {
      context.close();
    }
  }
}

package interop;

import io.grpc.NameResolver;
import io.grpc.NameResolverProvider;
import java.net.URI;

/**
 * Resolves {@code dns://SERVER/HOST:PORT} at the server that the target names.
 *
 * <p>grpc-grpclb's own resolver asks the system's DNS server and no other; what this one hands to
 * the policy is the same.
 */
final class ServerDns extends NameResolverProvider {
  @Override
  protected boolean isAvailable() {
    return true;
  }

  @Override
  protected int priority() {
    return 7; // grpc-grpclb's resolver has 6
  }

  @Override
  public String getDefaultScheme() {
    return "dns";
  }

  @Override
  public NameResolver newNameResolver(URI target, NameResolver.Args args) {
    String hostAndPort = target.getPath().substring("/".length());
    int colon = hostAndPort.lastIndexOf(':');
    return new ServerDnsResolver(
        target.getAuthority(),
        hostAndPort.substring(0, colon),
        Integer.parseInt(hostAndPort.substring(colon + 1)),
        args);
  }
}

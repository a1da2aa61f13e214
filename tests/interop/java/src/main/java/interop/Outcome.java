package interop;

/** What became of one call; what does not apply is null, and left out of the JSON. */
record Outcome(String backend, String token, String code, String message) {
  static Outcome answered(String backend, String token) {
    return new Outcome(backend, token, null, null);
  }

  static Outcome failed(String code, String message) {
    return new Outcome(null, null, code, message);
  }
}

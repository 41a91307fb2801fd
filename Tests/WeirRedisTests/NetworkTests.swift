import Testing

/// Everything that goes over sockets, one test after the other: each wants the machine's full attention for its times to mean something.
@Suite(.serialized) enum NetworkTests {}

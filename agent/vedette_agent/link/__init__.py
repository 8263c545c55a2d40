"""Link: the one outbound stream to the server, kept alive, resumed and never trusted to say that it died."""

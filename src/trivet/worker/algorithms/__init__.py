"""Programs written as Algorithmia's algorithms: their worker keeps one beside itself, and speaks the pipe protocol with it.

The worker is the *supervisor*. It holds the link, takes jobs, and starts the author's program as a *child* in its environment.
The child reads a line of JSON on its standard input for each job, and answers on the named pipe ``/tmp/algoout``; what it prints
is the log. Nothing of the author's runs in the supervisor, so whatever happens to the child, the supervisor can tell of it.
"""

"""
The Pingluo 2018 campaign, played by people over HTTP.

``story`` says who does what when, ``player`` is the process that signs in as each of them, ``moved`` moves the dates so that
today falls into the inspection stage, ``county`` is `make run`, ``stand`` is `make demo` and ``outcome`` what it proves.
"""

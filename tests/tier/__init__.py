"""
The test tier: a real Kafka and a real PostgreSQL, one of each per test run, on loopback and free ports.

testcontainers where a Docker engine answers; else Kafka from Maven Central's jars and PostgreSQL from the system's binaries.
"""

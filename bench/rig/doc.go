// Package rig is what the benchmarks share: the program as separate processes (a server, agents), a developer's repository, the events as they come,
// Buildbot as the peer, and tables.
//
// Everything runs on loopback below one temporary folder, which Close removes after it has ended what it started.
package rig

// Command idle measures how fast a server is ready, and how much memory it takes while nothing happens, beside Buildbot's master in the same run.
//
//	go run ./bench/idle [-starts 5] [-rest 5s]
//
// Ready counts from the moment before the process is started to the first 200 of /readyz (Buildbot: to its own word that it is running). Memory is what
// the process has resident after the rest; the edge is a process of its own and is listed apart.
package main

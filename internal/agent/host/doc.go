// Package host makes one machine be what the server wishes: releases held, processes up and healthy, the rest gone.
//
// It is level-triggered. The wish (wire.Desired) is whole, kept on disk, and compared with what is there, again after every change; so an agent that was
// off, cut off or killed goes on from wherever things are. What to do next is decided by one pure function, plan; everything else here does it.
//
//	         long poll                          reports (whole, 20 ms after a change, and with every beat)
//	server ───────────> wish ──┐                          ▲
//	                           ├──> plan ──> actions ──> state ──┐
//	   disk, processes ──> state ──┘            ▲────────────────┘
//
// A release:
//
//	absent ──stage──> fetching ──unpacked──> staged ──no longer held, nothing runs──> removed
//	                     │  ▲
//	                     ▼  │ back-off
//	                   failed (fetch, hash, unpack, disk)
//
// A process of a staged release that should run:
//
//	starting ──healthy──> up <──3 failures / 1 success──> unhealthy
//	   │ ▲                │                                   │
//	   ▼ │ back-off       ▼ exit                              │ exit
//	  crashed <───────────┴───────────────────────────────────┘
//
//	no longer wished for:  up, unhealthy ──> stopping: reported, the report acknowledged, then the drain time  ──> SIGTERM ──> SIGKILL ──> stopped
//	                       starting, crashed ──> at once SIGTERM ──> SIGKILL ──> stopped
//
// A wish may also ask for a process that was started for a number (starts.go): then one that was started for another makes way for a new one, which comes up beside it first.
//
// Guarantees:
//
//   - What runs goes on running when the server is gone and when the agent restarts or is killed; the next agent adopts it. (Options.Tied turns that round.)
//   - A process that had visitors gets SIGTERM only after the server has been told, and the edges have had the drain time to look elsewhere.
//   - A process is written down before it does anything, so that none is ever forgotten.
//   - A release folder is whole and right, or not there. "current" changes by a rename.
//   - Settings and secrets are in desired.json (mode 0600) and in the processes' environment, and nowhere else: not in a log, a report or a record.
package host

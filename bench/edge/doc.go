// Command edge measures what the edge costs over a bare httputil.ReverseProxy, and that weight changes and restarts under load lose nothing.
//
//	go run ./bench/edge [-rounds 5] [-time 2s] [-conns 32] [-json]
//
// Proxies, backend and load run as processes of their own on this machine and share its cores; the proxies take turns, round by round, so that noise from
// elsewhere falls on all. Two ratios are printed: requests a second, which also holds what load and backend cost, and CPU time a request of the
// proxy's process alone, which does not, and is the stricter one. The load is wrk where it is installed, else a generator of our own.
//
// The first line, which ratios refer to, is the bare proxy with the edge's tuning of what net/http offers: transport, pool of buffers, timeouts of the server. The two lines
// below it show what that tuning is worth, and what NewSingleHostReverseProxy gives without any.
package main

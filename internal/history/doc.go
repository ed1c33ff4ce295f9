// Package history brings what a team already has to package shadow: access logs (plain or gzip), the counters of its Prometheus, the tags of its git repository.
//
//	files, URLs, git ──> shadow.Traffic and []shadow.Deploy, and what was left out with the reasons
//
// It reads. It writes nothing and asks nobody but the Prometheus that was named.
package history

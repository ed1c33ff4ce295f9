package traffic

// edge is one that belongs to the installation.
type edge struct {
	live    bool
	applied int64
}

// inForce tells whether a split that is in the snapshots from generation on is in force everywhere it matters. With edges that are all lost it is not: nobody
// knows what they do. Without any edge there is nothing to wait for.
func inForce(generation int64, edges []edge) bool {
	live := 0
	for _, e := range edges {
		if !e.live {
			continue
		}
		live++
		if e.applied < generation {
			return false
		}
	}
	return live > 0 || len(edges) == 0
}

// Package events is the part of the HTTP API about what users do: where events come from, and all that can be asked about them. It adds its paths to those of package api, with its rights and its answers.
//
//	Settings > Sources, Events ──HTTP──> Door ──> decide/track    sources
//	                                          ──> decide/question those that have a name
//	                                          ──> analytics       questions, in SQL
//	                                          ──> journal         the tail
package events

"""What people are told of by themselves: each once for an episode, closed when that is over."""

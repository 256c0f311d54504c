"""What an update changes, quad by quad, told by the engine itself while it runs the update: once, and as it is.

    text       an update -> the same update, which tells of each quad that it may touch
    recorder   takes note of these, and of whether each was there before
    running    runs an update so, or compares before and after where its text does not lend itself to that
    data       makes updates that name their quads one commit, and tells what each of them changes
    applying   makes a change of which each quad is known, blank nodes by their labels

What may be touched is more than what is: a quad has changed if it is there afterwards and was not before, or the
other way round. So whatever the engine makes of an update, no more than what it touches has to be known.
"""

"""The Ray executor: one persistent actor for each slot of a cluster.

``cluster`` connects to Ray or starts it; ``executor`` runs on the driver, ``actor`` on the nodes. ``protocol`` has
what they exchange besides jobs and events; ``image_files`` and ``training_files`` carry files to nodes and back.
"""

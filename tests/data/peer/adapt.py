"""Maps a report to the normal form of the comparison with tshark, interim responses among the others as tshark has them.

All but those is the work of the adapter that lies beside the comparison, whose folder is on the path.
"""

import adapt_why502 as general


def responses(connection):
    """Every response of a connection in the order in which they were sent; of interim ones frame and status are known."""
    mapped = iter((general.http(connection) or {}).get("responses", []))
    for exchange in connection.get("http") or []:
        yield from ({"frame": i["frame"], "status": i["status"]} for i in exchange["interim"])
        if exchange["response"]:
            yield next(mapped)


def adapt(document):
    form = general.adapt(document)
    for connection, stream in zip(document["connections"], form["streams"]):
        if stream["http"]:
            stream["http"]["responses"] = list(responses(connection))
    return form

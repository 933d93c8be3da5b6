import { useMemo } from "react";

import { othersOf } from "../room/authors";
import { useOpenDocument } from "../shell/open_document";
import { people as strings } from "../strings/people";
import { toast } from "../ui/kit";
import { peopleHere, type PersonHere } from "./here";

interface People {
  people: PersonHere[];
  isFollowed: (person: PersonHere) => boolean;
  /** Looks at their cursor as it moves; or no more. */
  toggleFollow: (person: PersonHere) => void;
  jump: (person: PersonHere) => void;
}

export function usePeople(): People {
  const { view, roomState, person, session, editor } = useOpenDocument();
  const people = useMemo(
    () => peopleHere(view.participants, othersOf(roomState, person)),
    [view.participants, roomState.participants, roomState.self, person],
  );
  const isFollowed = ({ clients }: PersonHere) => view.following !== null && clients.includes(view.following);
  const withCursor = ({ clients }: PersonHere) => clients.find((client) => editor?.revealCursor(client));
  return {
    people,
    isFollowed,
    toggleFollow: (one) => {
      if (isFollowed(one)) return session.follow(null);
      const client = withCursor(one) ?? one.clients[0];
      if (client === undefined) toast(strings.noCursor(one.name));
      else session.follow(client);
    },
    jump: (one) => {
      if (withCursor(one) === undefined) toast(strings.noCursor(one.name));
    },
  };
}

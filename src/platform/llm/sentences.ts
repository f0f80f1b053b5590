const segmenter = new Intl.Segmenter('en', { granularity: 'sentence' });
// Shorter is a label, longer is no sentence: neither can be quoted as an answer.
const LENGTH_MIN = 15;
const LENGTH_MAX = 600;

/** The sentences of a passage that can be quoted: prose without headings, fences, table rules and Markdown's marks. */
export function sentencesOf(text: string): string[] {
  return paragraphsOf(text)
    .flatMap((paragraph) => [...segmenter.segment(plain(paragraph))].map(({ segment }) => segment.trim()))
    .filter((s) => s.length >= LENGTH_MIN && s.length <= LENGTH_MAX && /\p{L}{2}/u.test(s));
}

function paragraphsOf(text: string): string[] {
  const paragraphs: string[] = [];
  let current: string[] = [];
  let fence: string | undefined;
  const end = () => {
    if (current.length > 0) paragraphs.push(current.join(' '));
    current = [];
  };
  for (const line of text.split(/\r?\n/)) {
    const mark = /^\s*(`{3,}|~{3,})/.exec(line)?.[1];
    if (mark !== undefined && (fence === undefined || mark.startsWith(fence))) {
      fence = fence === undefined ? mark : undefined;
      end();
    } else if (fence !== undefined) {
      continue;
    } else if (/^\s*$|^\s*#{1,6}\s|^[-=*_|:\s]{3,}$/.test(line)) {
      end();
    } else if (/^\s*([-*+>]|\d+[.)]|\|)\s/.test(line)) {
      end();
      current.push(line.trim());
    } else {
      current.push(line.trim());
    }
  }
  end();
  return paragraphs;
}

// Before the text is cut into sentences: the marks of an image or the address of a link would be taken for their ends. No
// part of an expression runs over the beginning of the next match, so that each stays linear.
function plain(paragraph: string): string {
  return (
    paragraph
      .replace(/^\s*([-*+>|]|\d+[.)])\s+/, '')
      .replaceAll(/!?\[([^[\]]*)\]\((?:[^()]|\([^()]*\))*\)/g, '$1')
      .replaceAll(/<[^<>\s][^<>]*>/g, '')
      .replaceAll(/(\*\*|__)(?=\S)(.{1,300}?)(?<=\S)\1/g, '$2')
      // A number in brackets would read as a citation.
      .replaceAll(/\[(\d+)\]/g, '($1)')
      .replaceAll(/\s+/g, ' ')
  );
}

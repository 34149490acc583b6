/* What are the words? The server has them: fetched once, when somebody first asks. */

let words = null;

export function texts() {
  words ??= fetch("/guide").then((answer) => {
    if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
    return answer.json();
  }).catch((error) => {
    /* Asked again the next time. */
    words = null;
    window.dash_clientside.hmmrnn.say(`The guide did not arrive: ${error.message}.`);
    return null;
  });
  return words;
}
